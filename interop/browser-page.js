// What the page of browser.test.ts does: it has nothing of acomm but the URL of a door.
/* global document */

const post = (url, request, headers = {}) => fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ id: "a", ...request }) });

globalThis.page = {
  /** Calls a task and gives the status and the response. */
  async call(door, request) {
    const answer = await post(`${door}?wait=10s`, request);
    return { status: answer.status, body: await answer.json() };
  },

  /** Shows each event of a call in a list as it comes. */
  async show(door, request) {
    const list = document.body.appendChild(document.createElement("ul"));
    const answer = await post(door, request, { accept: "text/event-stream", prefer: "wait=10" });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const blocks = (rest + chunk.value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block);
        const data = /^data: (.*)$/m.exec(block);
        if (event !== null && data !== null) list.appendChild(document.createElement("li")).textContent = `${event[1]} ${data[1]}`;
      }
    }
  },

  /** Downloads the stream of an answer; gives its length and a sum over its bytes. */
  async download(door, request) {
    const { stream_url: stream } = (await this.call(door, request)).body;
    const bytes = new Uint8Array(await (await fetch(`${stream.Scheme}://${stream.Host}${stream.Path}?${stream.RawQuery}`)).arrayBuffer());
    return { bytes: bytes.length, sum: bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 0) };
  },
};
