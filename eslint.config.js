import { workspace } from "@acomm/eslint-config";

export default workspace(import.meta.dirname);
