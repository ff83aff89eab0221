/** The resources of stacks/ that an idle month is billed for. test/infra/cost.test.ts compares them with the real diff. */
export const DECLARED = {
  /** Queues with an event source mapping. */
  polledQueues: 4,
  deadLetterQueues: 5,
  alarmMetrics: 8,
  sweepMemoryMb: 1024,
  sweepsAnHour: 60,
} as const
