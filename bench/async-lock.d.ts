/** async-lock 1.5.0 ships no types: only what the benchmarks call is declared. */
declare module "async-lock" {
  class AsyncLock {
    constructor(options?: AsyncLock.Options)
    acquire<T>(key: string | readonly string[], fn: () => Promise<T>, options?: AsyncLock.Options): Promise<T>
    acquire(key: string, fn: (done: (error?: unknown) => void) => void): Promise<void>
  }

  namespace AsyncLock {
    interface Options {
      readonly timeout?: number
      readonly maxExecutionTime?: number
      readonly maxPending?: number
    }
  }

  export = AsyncLock
}
