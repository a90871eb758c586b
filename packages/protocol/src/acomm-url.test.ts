import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AcommUrl, decodeUrl, encodeUrl, maxSocketPathBytes, maxUrlLength, parseUrl, socketPathOf } from "./acomm-url.ts";
import { refusal } from "./fixtures/refusal.ts";

type GoUrl = Record<string, unknown>;

const goUrl = (change: GoUrl): GoUrl => ({
  Scheme: "",
  Opaque: "",
  User: null,
  Host: "",
  Path: "",
  RawPath: "",
  OmitHost: false,
  ForceQuery: false,
  RawQuery: "",
  Fragment: "",
  RawFragment: "",
  ...change,
});
const wireOf = (url: string | URL): GoUrl => JSON.parse(encodeUrl(url)) as GoUrl;

describe("a unix URL", () => {
  test("A53 an escaped and a plain spelling of one path name the same file", () => {
    expect(socketPathOf("unix:///D/a%20b.sock")).toBe("/D/a b.sock");
    expect(socketPathOf("unix:///D/a b.sock")).toBe("/D/a b.sock");
    expect(socketPathOf("unix:///D/%C3%A9%25.sock")).toBe("/D/é%.sock");
  });

  test("A54 a NUL in the path is bad_field, as text and as an object", () => {
    expect(refusal(() => parseUrl("unix:///a%00b")).message).toContain("NUL");
    expect(refusal(() => decodeUrl({ Scheme: "unix", Path: "/a\0b" }, "responsehook")).message).toMatch(/^responsehook .*NUL/);
  });

  test("A55 a path of 107 bytes is taken; 108, 109 and 200 are bad_field, counted in bytes", () => {
    expect(maxSocketPathBytes).toBe(107);
    expect(socketPathOf(`unix:///${"x".repeat(106)}`)).toHaveLength(107);
    expect(socketPathOf(`unix:///${"é".repeat(53)}`)).toHaveLength(54);
    for (const path of ["x".repeat(107), "x".repeat(108), "x".repeat(199), "é".repeat(54), `${"x".repeat(104)}漢`]) {
      expect(refusal(() => parseUrl(`unix:///${path}`)).message).toContain("at most 107 bytes");
      expect(refusal(() => decodeUrl({ Scheme: "unix", Path: `/${path}` }, "url")).code).toBe("bad_field");
    }
  });

  test.each([
    "unix://host/x",
    "unix://asdf",
    "unix:rel",
    "unix:///x?y#z",
    "unix:///x?y",
    "unix:///x?",
    "unix:///x#z",
    "unix:///x#",
    "unix:\\x",
    "unix:///a\\b",
    "unix:",
    "unix:/",
    "unix://",
    "unix:///",
    "unix:///a\nb",
    "unix:///%zz",
    "unix:///%ff",
    " unix:///a",
    "unix:///a ",
  ])("A56 %j is bad_field", (text) => {
    const error = refusal(() => parseUrl(text, { field: "responseHook" }));
    expect(error.code).toBe("bad_field");
    expect(error.message).toMatch(/^responseHook must|^responseHook has/);
  });

  test.each([
    ["a relative Path", { Path: "a" }],
    ["no Path", {}],
    ["a Host", { Host: "h", Path: "/a" }],
    ["a RawQuery", { Path: "/a", RawQuery: "x" }],
    ["ForceQuery", { Path: "/a", ForceQuery: true }],
    ["a Fragment", { Path: "/a", Fragment: "x" }],
    ["a lone surrogate", { Path: "/a\ud800" }],
  ])("A56 an object with %s is bad_field", (_, change) => {
    expect(refusal(() => decodeUrl({ Scheme: "unix", ...change }, "url")).code).toBe("bad_field");
  });

  test("with one slash names the same file", () => {
    expect(socketPathOf("unix:/tmp/a")).toBe("/tmp/a");
    expect(wireOf("unix:/tmp/a")).toEqual(goUrl({ Scheme: "unix", Path: "/tmp/a", OmitHost: true }));
  });

  test("socketPathOf refuses other schemes", () => {
    const error = refusal(() => socketPathOf("http://h/a", "address"));
    expect([error.code, error.message]).toEqual(["bad_field", "address must be a unix: URL, but its scheme is http"]);
  });

  test("any path comes back the same, through text, through the wire and through its own href", () => {
    const special = [" ", ...Array.from("%?#\\;@:[]!*'()~\"<>^`{|}"), "\t", "\n", "\u007f", "\u0085", "é", "漢", "😀", "%2F", "%zz"];
    const path = fc.array(fc.oneof(fc.constantFrom(...special), fc.string({ minLength: 1, maxLength: 1 })), { minLength: 1, maxLength: 20 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(path, (name) => {
        const given = `/dir/_${name.replaceAll("/", "_").replaceAll("\0", "_")}`;
        const url = decodeUrl({ Scheme: "unix", Path: given, RawPath: given }, "url");
        expect(socketPathOf(url!)).toBe(given);
        expect(socketPathOf(decodeUrl(JSON.parse(encodeUrl(url)), "url")!)).toBe(given);
        expect(socketPathOf(url!.href)).toBe(given);
        expect(wireOf(url!)["Path"]).toBe(given);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(["unix:///tmp/x/../a.sock", "unix:///tmp/./a.sock", "unix:///tmp/..", "unix:///tmp/..%2Fa.sock", "unix:///tmp/%2e%2e/a.sock"])("%s is refused: across a link it would mean two things", (text) => {
    expect(() => parseUrl(text)).toThrow(/must not hold \. or \.\./);
    expect(parseUrl("unix:///tmp/..a/b../...").pathname).toBe("/tmp/..a/b../...");
  });
});

describe("a web URL", () => {
  test.each([
    "http://user@h/",
    "http://user:pw@h/",
    "http://@h/",
    "http://h:0/",
    "http://h:99999/",
    "http://h:x/",
    "http://",
    "http:///path",
    "http:/path",
    "http://:8080/",
    "https://?x",
    "http://h\tx/",
    "http://h x/",
    "http://h\\x/",
    "http://[::1/",
    "http://h/p#f",
    "http://h/?a\\b",
    "http://h/?a\u0000",
  ])("A58 %j is bad_field", (text) => {
    const error = refusal(() => parseUrl(text));
    expect(error.code).toBe("bad_field");
    expect(error.message).not.toContain("pw");
  });

  test.each([
    ["credentials in Host", { Host: "user:pw@h" }],
    ["a path in Host", { Host: "h/evil" }],
    ["a query in Host", { Host: "h?x" }],
    ["a tab in Host", { Host: "h\tx" }],
    ["a control character after Host", { Host: "h\u0001" }],
    ["no Host", { Path: "/x" }],
    ["port 0", { Host: "h:0" }],
    ["port 99999", { Host: "h:99999" }],
    ["a relative Path", { Host: "h", Path: "x" }],
    ["# in RawQuery", { Host: "h", RawQuery: "a#b" }],
    ["a line feed in RawQuery", { Host: "h", RawQuery: "a\nb" }],
    ["a space at the end of RawQuery", { Host: "h", RawQuery: "a " }],
  ])("A58 an object with %s is bad_field", (_, change) => {
    const error = refusal(() => decodeUrl({ Scheme: "http", ...change }, "responsehook"));
    expect(error.code).toBe("bad_field");
    expect(error.message).toMatch(/^responsehook must/);
    expect(error.message).not.toContain("pw");
  });

  test("keeps host, port, query and the spelling of its path on the wire", () => {
    expect(wireOf("HTTPS://EXAMPLE.com:443/%7Ea%2Fb/~c?x=1&y=%20")).toEqual(
      goUrl({ Scheme: "https", Host: "EXAMPLE.com:443", Path: "/~a/b/~c", RawPath: "/%7Ea%2Fb/~c", RawQuery: "x=1&y=%20" }),
    );
    expect(wireOf("http://h?")).toEqual(goUrl({ Scheme: "http", Host: "h", ForceQuery: true }));
    expect(wireOf("http://h?x")).toEqual(goUrl({ Scheme: "http", Host: "h", RawQuery: "x" }));
  });

  test.each([
    ["/a?b", "/a%3Fb"],
    ["/p#f", "/p%23f"],
    ["/a\\b", "/a%5Cb"],
    ["/a\tb", "/a%09b"],
    ["/a ", "/a%20"],
    ["/a b", "/a%20b"],
    ["/é", "/%C3%A9"],
  ])("a RawPath of %j is kept, but cannot change what Path names", (path, pathname) => {
    const url = decodeUrl({ Scheme: "http", Host: "h", Path: path, RawPath: path, RawQuery: "q" }, "url")!;
    expect([url.pathname, url.search, url.hash]).toEqual([pathname, "?q", ""]);
    expect(wireOf(url)).toEqual(goUrl({ Scheme: "http", Host: "h", Path: path, RawPath: path, RawQuery: "q" }));
  });

  test.each(["/zzz", "/%zz", "/%ff"])("a RawPath of %j that spells another path is dropped", (rawPath) => {
    const url = decodeUrl({ Scheme: "http", Host: "h", Path: "/a/b", RawPath: rawPath }, "url")!;
    expect([url.pathname, wireOf(url)["RawPath"]]).toEqual(["/a/b", ""]);
  });

  test("a Fragment of an object is kept; a RawFragment only where it spells the Fragment", () => {
    const read = (change: GoUrl): AcommUrl => decodeUrl({ Scheme: "http", Host: "h", ...change }, "url")!;
    expect(read({ Fragment: "a b" }).hash).toBe("#a%20b");
    expect(wireOf(read({ Fragment: "a/b", RawFragment: "a%2Fb" }))).toMatchObject({ Fragment: "a/b", RawFragment: "a%2Fb" });
    expect(wireOf(read({ Fragment: "a", RawFragment: "b" }))["RawFragment"]).toBe("");
    expect(wireOf(read({ RawFragment: "x".repeat(maxUrlLength) }))["RawFragment"]).toBe("");
  });
});

describe("any URL", () => {
  test("A60 other hierarchical schemes are taken, lower-cased, for a registry to judge; opaque ones are bad_field", () => {
    expect(["ws://h/", "ftp://h/f", "nats://h:4222", "UNIX:///a", "file:///etc/passwd", "memory://name"].map((text) => parseUrl(text).protocol)).toEqual([
      "ws:",
      "ftp:",
      "nats:",
      "unix:",
      "file:",
      "memory:",
    ]);
    for (const text of ["data:,x", "blob:http://h/x", "javascript:alert(1)", "mailto:x@y", "urn:a:b"]) expect(refusal(() => parseUrl(text)).code).toBe("bad_field");
  });

  test.each(["", "asdf", "/just/path", "//h/p", "1http://h/", ":", "http//h"])("%j, which has no scheme, is bad_field", (text) => {
    expect(refusal(() => parseUrl(text)).code).toBe("bad_field");
  });

  test("A61 10 KiB are bad_field; 8192 characters are taken", () => {
    expect(maxUrlLength).toBe(8192);
    const query = "x".repeat(maxUrlLength - "http://h/?".length);
    expect(parseUrl(`http://h/?${query}`).href).toHaveLength(maxUrlLength);
    expect(refusal(() => parseUrl(`http://h/?${query}x`)).message).toContain("at most 8192 characters");
    for (const key of ["Host", "Path", "RawQuery", "Fragment"]) {
      expect(refusal(() => decodeUrl({ Scheme: "http", Host: "h", [key]: `/${"x".repeat(10_240)}` }, "url")).code).toBe("bad_field");
    }
  });

  test("A61 a part of an object that is far too long is bad_field before anything is made of it", () => {
    const long = "$".repeat(4_000_000); // escaping that would take seconds
    for (const key of ["Scheme", "Host", "Path", "RawPath", "RawQuery", "Fragment", "RawFragment"]) {
      const startedAt = performance.now();
      expect(refusal(() => decodeUrl({ Scheme: "http", Host: "h", [key]: `/${long}` }, "url")).message).toBe(`url ${key} must be at most 8192 characters, but has 4000001`);
      expect(performance.now() - startedAt).toBeLessThan(300);
    }
  });

  test("a host is taken in any spelling that a URL may have, and goes on as it was written", () => {
    for (const host of ["xn--n3h.example", "\u2603.example", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "0x7f.1", "[::1]:80", "EXAMPLE", "a%62c"]) {
      const url = decodeUrl({ Scheme: "http", Host: host }, "url")!;
      expect([wireOf(url)["Host"], url.host]).toEqual([host, new URL(`http://${host}`).host]);
    }
    for (const host of ["[::1", "[::1]x", "a b", "a%2fb", "a%00b", "1.2.3.256"]) expect(refusal(() => decodeUrl({ Scheme: "http", Host: host }, "url")).code).toBe("bad_field");
  });

  test("anything but a string or URL is bad_field", () => {
    for (const input of [null, undefined, 5, {}, []]) expect(refusal(() => parseUrl(input as string)).message).toContain("must be a URL or a string");
  });

  test("A45 Go's object and a string that name one target are the same URL", () => {
    for (const text of ["unix:///run/a%20b.sock", "http://h:8080/a%2Fb?x=1", "http://[::1]:80/"]) {
      const fromString = decodeUrl(text, "url")!;
      const fromObject = decodeUrl(JSON.parse(encodeUrl(text)), "url")!;
      expect(fromObject.href).toBe(fromString.href);
      expect(fromObject.toWire()).toBe(fromString.toWire());
    }
  });

  test("null and nothing are null", () => {
    expect([decodeUrl(null, "url"), decodeUrl(undefined, "url"), encodeUrl(null)]).toEqual([null, null, "null"]);
  });

  test.each([
    ["a number", 5, "a number"],
    ["an array", [], "an array"],
    ["true", true, "a boolean"],
    ["an empty string", "", "must be a URL"],
    ["an empty object", {}, "Scheme"],
    ["a Scheme that is a number", { Scheme: 1 }, "Scheme must be a string, but is a number"],
    ["a Scheme that is no scheme", { Scheme: "1x" }, "a scheme of letters"],
    ["an Opaque part", { Scheme: "http", Opaque: "//h/p" }, "Opaque"],
    ["OmitHost that is no boolean", { Scheme: "http", Host: "h", OmitHost: 1 }, "OmitHost must be a boolean"],
    ["a User that is a string", { Scheme: "http", Host: "h", User: "u" }, "User must be an object or null"],
    ["a User that is an array", { Scheme: "http", Host: "h", User: [] }, "User must be an object or null"],
    ["a key in another case", { scheme: "http", Host: "h" }, "differs from Scheme only in case"],
    ["a key with a long s", { Scheme: "http", Host: "h", "Ho\u017ft": "evil" }, "differs from Host only in case"],
  ])("A44 %s is bad_field that names the field", (_, value, says) => {
    const error = refusal(() => decodeUrl(value, "stream_url"));
    expect([error.code, error.message.startsWith("stream_url ")]).toEqual(["bad_field", true]);
    expect(error.message).toContain(says);
  });

  test("null members, unknown members and an empty User are taken", () => {
    const url = decodeUrl(JSON.parse('{"Scheme":"http","Host":"h","Path":null,"User":{},"Extra":1,"__proto__":{"Host":"evil"}}'), "url")!;
    expect(wireOf(url)).toEqual(goUrl({ Scheme: "http", Host: "h" }));
  });
});

describe("AcommUrl", () => {
  test("is a URL that is written as it came", () => {
    const url = parseUrl("http://EXAMPLE.com/a/../b?");
    expect(url).toBeInstanceOf(URL);
    expect(url).toBeInstanceOf(AcommUrl);
    expect(url.href).toBe("http://example.com/b?");
    expect(url.toWire()).toBe(JSON.stringify(goUrl({ Scheme: "http", Host: "EXAMPLE.com", Path: "/a/../b", ForceQuery: true })));
    expect(parseUrl(url)).toBe(url);
  });

  test("is written anew after its href was changed, and as it came once it is changed back", () => {
    const url = parseUrl("http://EXAMPLE.com/");
    const asItCame = url.toWire();
    url.pathname = "/other";
    expect(wireOf(url)).toEqual(goUrl({ Scheme: "http", Host: "example.com", Path: "/other" }));
    expect(url.toWire()).toBe(encodeUrl(url));
    url.pathname = "/";
    expect(url.toWire()).toBe(asItCame);
  });

  test("A58 is checked anew after its href was changed", () => {
    const url = parseUrl("http://h/");
    url.password = "pw";
    for (const use of [() => parseUrl(url), () => encodeUrl(url), () => url.toWire()]) expect(refusal(use).message).toContain("credentials");
    expect(refusal(() => encodeUrl(url, "streamUrl")).message).toMatch(/^streamUrl /);
    const socket = parseUrl("unix:///a");
    socket.pathname = "/%zz";
    expect(refusal(() => socketPathOf(socket)).code).toBe("bad_field");
    socket.pathname = `/${"x".repeat(200)}`;
    expect(refusal(() => socketPathOf(socket)).message).toContain("at most 107 bytes");
  });

  test("remembers how a unix stream ends, until its href is changed", () => {
    expect(parseUrl("unix:///s").streamEnd).toBeUndefined();
    const url = parseUrl("unix:///s", { streamEnd: "half-close" });
    expect(url.streamEnd).toBe("half-close");
    expect(parseUrl(url)).toBe(url);
    expect(parseUrl(url, { streamEnd: "half-close" })).toBe(url);
    url.pathname = "/other";
    expect(url.streamEnd).toBeUndefined();
  });

  test("gets its streamEnd without losing how it was spelled; a web URL gets none", () => {
    const url = parseUrl(parseUrl("unix:/a b/s"), { streamEnd: "half-close" });
    expect([url.streamEnd, wireOf(url)["Path"], wireOf(url)["OmitHost"]]).toEqual(["half-close", "/a b/s", true]);
    expect(parseUrl("http://h/", { streamEnd: "half-close" }).streamEnd).toBeUndefined();
    const web = parseUrl("http://h/");
    expect(parseUrl(web, { streamEnd: "half-close" })).toBe(web);
  });
});
