/** What somebody needs who has nothing of acomm but its door: `fetch`, and the two forms of JSON below. */

/** A URL as the wire writes it. */
interface WireUrl {
  readonly Scheme: string;
  readonly Host: string;
  readonly Path: string;
  readonly RawQuery: string;
}

/** A response as the wire writes it. */
export interface WireResponse {
  readonly error: string;
  readonly result: unknown;
  readonly stream_url: WireUrl | null;
}

/** One of the events that the door sends. */
interface DoorEvent {
  readonly event: string;
  readonly data: unknown;
}

let lastId = 0;

/** Asks for a task and waits for its response. @throws where the response is an error */
export async function postAndWait(door: string, request: { readonly task: string; readonly args?: unknown }): Promise<WireResponse> {
  const answer = await post(new URL("/?wait=30s", door), request, "application/json");
  const response = (await answer.json()) as WireResponse;
  if (response.error !== "") throw new Error(response.error);
  return response;
}

/** Asks for a task and gives the events of its progress and its response. */
export async function readEvents(door: string, request: { readonly task: string; readonly args?: unknown }): Promise<DoorEvent[]> {
  const answer = await post(new URL("/?wait=30s", door), request, "text/event-stream");
  const events: DoorEvent[] = [];
  for (const block of (await answer.text()).split("\n\n")) {
    const event = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (event !== undefined && data !== undefined) events.push({ event, data: JSON.parse(data) });
  }
  return events;
}

/** The URL of a stream. */
export function urlOf(url: WireUrl | null): URL {
  if (url === null) throw new Error("the response has no stream");
  return new URL(`${url.Scheme}://${url.Host}${url.Path}?${url.RawQuery}`);
}

function post(url: URL, request: object, accept: string): Promise<Response> {
  lastId += 1;
  return fetch(url, { method: "POST", headers: { "content-type": "application/json", accept }, body: JSON.stringify({ id: `demo-${lastId}`, ...request }) });
}
