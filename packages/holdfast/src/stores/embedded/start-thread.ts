/** Starts a program of this package in a thread of its own, from `dist` or, in development, from its sources. */
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"

export interface ThreadOptions {
  /** What debuggers and profilers call the thread. */
  readonly name: string
  readonly workerData: unknown
}

/** `program` is the module's URL without its suffix. The thread starts with none of the options its process was given. */
export function startThread(program: URL, { name, workerData }: ThreadOptions): Worker {
  const options = { workerData, execArgv: [], name }
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL(`${program.href}.js`), options)
  // From its sources the package runs under a loader, which a thread of Node 20 does not take over: it starts its own.
  const loader = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs")
  const source = JSON.stringify(`${program.href}.ts`)
  const start = `import(${JSON.stringify(pathToFileURL(loader).href)}).then((tsx) => { tsx.register(); return import(${source}) })`
  return new Worker(start, { ...options, eval: true })
}
