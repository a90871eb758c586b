// Posts a request to a door of its own, in an environment that names a proxy.
const [proxy = ""] = process.argv.slice(2);
Object.assign(process.env, { HTTP_PROXY: proxy, http_proxy: proxy, HTTPS_PROXY: proxy, NODE_USE_ENV_PROXY: "1", NO_PROXY: "", no_proxy: "" });
const { createHttpListener, createRegistry, createRequest, send, serve } = await import("acomm");

const listener = createHttpListener();
await listener.start();
const service = serve(listener, () => undefined);
const registry = createRegistry();
await send(listener.url, createRequest({ task: "greet" }), { registry }).then(() => { console.log("accepted"); }, (error: unknown) => { console.log(String(error)); });
await registry.close();
await service.stop({ graceMs: 100 });
