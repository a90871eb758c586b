// What a changelog says: the text of the changeset, for people. No commit hashes, and no lines that only say that a neighbour has a
// new version: all packages have the same one.

const changelog = {
  async getReleaseLine(changeset) {
    const [first = "", ...rest] = changeset.summary.trim().split("\n");
    return [`- ${first}`, ...rest.map((line) => (line === "" ? "" : `  ${line}`))].join("\n");
  },
  async getDependencyReleaseLine() {
    return "";
  },
};
export default changelog;
