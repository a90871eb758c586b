// #region call
/** Calls a task through a door; gives its result, and the URL of its stream where it has one. */
export async function call(door, task, args) {
  const { error, result, stream_url: stream } = await (await post(door, task, args, {})).json();
  if (error !== "") throw new Error(error);
  return { result, stream: stream && `${stream.Scheme}://${stream.Host}${stream.Path}?${stream.RawQuery}` };
}

function post(door, task, args, options) {
  const url = new URL("?wait=30s", door);
  const headers = { "content-type": "application/json", ...options.headers };
  // the answer comes in the same exchange, so any id does
  return fetch(url, { ...options, headers, method: "POST", body: JSON.stringify({ id: "1", task, args }) });
}
// #endregion

// #region events
/** Calls a task and gives what it says of its progress, then its response. */
export async function* events(door, task, args, { signal } = {}) {
  const answer = await post(door, task, args, { signal, headers: { accept: "text/event-stream" } });
  if (!answer.ok) throw new Error(`the door says ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const blocks = (rest + chunk.value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
        if (event !== undefined) yield { event, data: JSON.parse(data) }; // the others are signs of life
      }
    }
  } finally {
    await reader.cancel(); // who stops to listen takes the call back
  }
}
// #endregion
