// Publishes the packages as they are in this branch, under a version and a tag of their own: `release-snapshot.mjs <name>`. Whoever
// wants to try it installs `acomm@<name>`. The versions are given back afterwards: nothing of it is to be committed.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const [name = ""] = process.argv.slice(2);
if (!/^[a-z][a-z\d-]*$/.test(name) || name === "latest") throw new Error("release-snapshot.mjs <name>: small letters, digits and -, such as the branch's name");
if (run("git", "status", "--porcelain") !== "") throw new Error("there are changes that are not committed: commit them first, since versions are written and given back");
try {
  run("pnpm", "exec", "changeset", "version", "--snapshot", name);
  run("pnpm", "exec", "turbo", "run", "build", "--output-logs=errors-only");
  run("pnpm", "exec", "changeset", "publish", "--tag", name, "--no-git-tag");
} finally {
  run("git", "checkout", "--", ".");
  run("git", "clean", "--force", "--quiet", "--", "packages/*/CHANGELOG.md");
}
console.log(`published: npm install acomm@${name}`);

function run(command, ...args) {
  const { status, stdout, error } = spawnSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], shell: process.platform === "win32" });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} exited with ${status}\n${stdout}`);
  return stdout.trim();
}
