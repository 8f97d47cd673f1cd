/** The public surface of the race kit, `holdfast/race`. What is not here is private. */

// Exploring
export { explore, type Exploration, type ExploreOptions, type Scenario, type ScheduleFailure } from "./explore.ts"
export type { ActorOptions, ScenarioContext } from "./world.ts"
export type { Fault } from "./actors.ts"
export type { TraceEntry } from "./trace.ts"
export { type Access, reads, writes } from "./access.ts"
export type { Variable } from "./variable.ts"
export { fileAccesses, requestAccesses, type WrapOptions } from "./wrap.ts"
export { ScenarioError } from "./choices/chooser.ts"

// Asserting
export { expectNoRace, expectRace, RaceError, type RaceMatch, type RaceMatchers, raceMatchers } from "./assertions.ts"

// Reporting
export { describeFailure } from "./report/timeline.ts"
export { type FailureReport, reportFailure } from "./report/json.ts"
export type { Row } from "./report/rows.ts"
export type { Finding, FindingKind, FoundAccess } from "./report/findings.ts"
export { type PageFailure, type RacePage, renderPage } from "./report/page.ts"

// Histories and what they are checked against
export { type Call, History, type HistoryOperation, unseen, type Unseen } from "./checks/history.ts"
export {
  checkLinearizable,
  describeWindow,
  type LinearizabilityOptions,
  type LinearizabilityResult,
  type LinearizabilityWindow,
  type Model,
  type ModelStep,
} from "./checks/linearizability.ts"
export {
  type CounterInput,
  counterModel,
  createSemaphoreModel,
  createSharedLockModel,
  lockModel,
  mapModel,
  queueModel,
  registerModel,
} from "./checks/models.ts"
export { assertLinearizable, assertSerializable } from "./checks/assertions.ts"
export { checkSerializable, describeAnomaly } from "./checks/serializability.ts"
