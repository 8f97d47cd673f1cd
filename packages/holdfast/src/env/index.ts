export type { Clock, Env, Ids, Random, Timer, TimerOptions, Timers } from "./env.ts"
export { systemEnv } from "./system-env.ts"
