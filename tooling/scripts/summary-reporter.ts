import { writeFileSync } from "node:fs";
import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";

/**
 * Ends a run with one plain line: `12 passed, 0 failed`, and `, 3 skipped` where any were.
 * The line goes to standard output, or to the file that ACOMM_TEST_SUMMARY names.
 */
export default class SummaryReporter implements Reporter {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  onInit(): void {
    // at exit, since the coverage report and its thresholds come after the last test
    process.once("exit", (code) => {
      // what fails without a failed test: a threshold, or a run without any test
      const failed = code === 0 ? this.#failed : Math.max(this.#failed, 1);
      const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : "";
      const line = `${this.#passed} passed, ${failed} failed${skipped}`;
      const file = process.env["ACOMM_TEST_SUMMARY"];
      if (file === undefined) console.log(line);
      else writeFileSync(file, line);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    this.#passed = 0;
    this.#failed = errors.length;
    this.#skipped = 0;
    for (const module of modules) {
      let own = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") this.#passed += 1;
        else if (state === "failed") own += 1;
        else this.#skipped += 1;
      }
      // a file that cannot be loaded, or a hook that throws, fails without a failed test
      this.#failed += module.state() === "failed" ? Math.max(own, 1) : own;
    }
    if (reason !== "passed" && this.#failed === 0) this.#failed = 1;
  }
}
