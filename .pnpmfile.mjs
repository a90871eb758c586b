// What is published says nothing of how it was made.
export const hooks = {
  beforePacking(manifest) {
    const { devDependencies: _development, scripts: _scripts, ...published } = manifest;
    return published;
  },
};
