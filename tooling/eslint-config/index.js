// @ts-check
import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";
import tseslint from "typescript-eslint";

/** @param {string} root the workspace root: import.meta.dirname of eslint.config.js */
export function workspace(root) {
  return defineConfig(
    globalIgnores(["**/dist/", "**/coverage/", "**/.turbo/", "**/.cache/", "packages/sources/*/"]),
    { linterOptions: { reportUnusedDisableDirectives: "error", reportUnusedInlineConfigs: "error" } },
    js.configs.recommended,
    { files: ["**/*.{js,mjs}"], languageOptions: { globals: globals.nodeBuiltin } },
    {
      files: ["**/*.ts"],
      extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
      languageOptions: {
        parserOptions: {
          projectService: true,
          tsconfigRootDir: root,
          // one language service for all packages, also in CI: about a third faster than a program per tsconfig
          disallowAutomaticSingleRunInference: true,
        },
      },
      rules: {
        "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "separate-type-imports" }],
        "@typescript-eslint/consistent-type-exports": "error",
        "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
        "@typescript-eslint/no-unused-vars": [
          "error",
          { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreUsingDeclarations: true },
        ],
        "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
        "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
        // the caller names the type of a result: `request<Result>(...)`
        "@typescript-eslint/no-unnecessary-type-parameters": "off",
        // `async` also turns a throw into a rejection
        "@typescript-eslint/require-await": "off",
      },
    },
    {
      files: ["**/*.test.ts", "**/fixtures/**/*.ts"],
      rules: {
        "@typescript-eslint/no-empty-function": "off",
        "@typescript-eslint/no-non-null-assertion": "off",
        "@typescript-eslint/no-unsafe-argument": "off",
        "@typescript-eslint/no-unsafe-assignment": "off",
        "@typescript-eslint/no-unsafe-call": "off",
        "@typescript-eslint/no-unsafe-member-access": "off",
        "@typescript-eslint/no-unsafe-return": "off",
      },
    },
    {
      // values and bytes only: these sources also run in a browser
      files: ["packages/protocol/src/**/*.ts"],
      ignores: ["**/*.test.ts", "**/fixtures/**"],
      rules: {
        "no-restricted-globals": [
          "error",
          {
            globals: ["window", "document", "Buffer", "process", "setTimeout", "setInterval"],
            checkGlobalObject: true,
          },
        ],
        "no-restricted-imports": ["error", { patterns: ["node:*"] }],
      },
    },
  );
}
