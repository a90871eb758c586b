// What is published says nothing of how it was made.
export const hooks = {
  beforePacking(manifest) {
    const published = { ...manifest };
    delete published.devDependencies;
    delete published.scripts;
    return published;
  },
};
