import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Identity } from "./tls.ts";

/** Whether there is a program to make certificates with. */
export function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** An authority of one's own, which signs as many as are asked for; its files are in the directory. */
export function createAuthority(directory: string, name: string): { issue(subject: string): Identity } {
  const at = (file: string): string => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]): void => { execFileSync("openssl", args, { stdio: "ignore" }); };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-days", "2", "-subj", `/CN=${name}`, "-keyout", at("ca.key"), "-out", at("ca.pem"));
  return {
    issue(subject) {
      openssl("req", "-x509", ...newKey, "-days", "2", "-subj", `/CN=${subject}`, "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-keyout", at(`${subject}.key`), "-out", at(`${subject}.pem`));
      const read = (file: string): string => readFileSync(at(file), "utf8");
      return { cert: read(`${subject}.pem`), key: read(`${subject}.key`), ca: read("ca.pem") };
    },
  };
}
