import { defineConfig } from "vitest/config"
import { plantMutant } from "./scripts/mutants/plant-plugin.ts"

export default defineConfig({
  plugins: [plantMutant()],
  test: {
    include: [
      "{packages,apps}/*/src/**/*.test.ts",
      "{packages,apps}/*/test/**/*.test.ts",
      "bench/**/*.test.ts",
      "races/**/*.test.ts",
      "examples/*-vitest.test.ts",
    ],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // No test is about time; this bound only ends one that hangs, on however slow a machine.
    testTimeout: 120_000,
    // The JSON result is what `.ci/run` counts the tests from.
    reporters: ["default", ["json", { outputFile: ".cache/vitest.json" }]],
    coverage: {
      provider: "v8",
      reporter: ["text", "html"],
      include: ["packages/*/src/**/*.ts"],
      // The programs of the store's threads run where nobody counts lines; `host/` and `journal/` test them as they run.
      exclude: ["**/*.test.ts", "**/keeper-start.ts", "**/keeper-thread.ts", "**/journal-thread.ts"],
      thresholds: {
        "packages/holdfast/src/kernel/**": { lines: 100, branches: 100, functions: 100, statements: 100 },
        "packages/*/src/{*.ts,!(kernel)/**}": { lines: 90, branches: 90, functions: 90, statements: 90 },
      },
    },
  },
})
