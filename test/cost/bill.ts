import type { Table } from '@kabutar/core/ports/table.ts'
import { type Heat, heatTable } from './heat.ts'
import { type Counts, times } from './tally.ts'
import { costRig, deliverAll, type Rig, type RigOptions, receiveAll, sendAll, sendAndTellAll } from './work.ts'

/**
 * `target`: dollars per million in a burst, a little above the current figure, so that a leap fails the test. `time` is the part
 * for the time of functions, where that is not counted because it depends on the machine.
 */
export const KINDS = {
  sends: { name: 'sends (20 KB, 1 recipient)', run: sendAll, target: 17, time: 0.7 },
  received: { name: 'received (60 KB)', run: receiveAll, target: 16, time: 0.4 },
  webhooks: { name: 'webhook deliveries', run: deliverAll, target: 4, time: 0.2 },
} as const
export type Kind = keyof typeof KINDS

/** What `npm run cost` prints: the kinds, and a send as applications make it, which is a sum of kinds with a key of its own. */
export const PRINTED = {
  ...KINDS,
  normal: { name: 'sends with a key and two webhooks', run: sendAndTellAll, target: 26 },
} as const
export type Printed = keyof typeof PRINTED

/** In a burst batches are full; at 0.4 messages a second every entry comes alone. */
export const WHOLE_BATCH = 10
export const WARM = 10
export type Load = RigOptions & { readonly count: number; readonly batch: number }

/** Answers the cost of one more, from `count` of a kind in batches. */
export async function countsOfOne(kind: Printed, { count, batch, ...options }: Load): Promise<Counts> {
  const { run } = PRINTED[kind]
  const rig = await costRig(options)
  // The warm-up pays the costs that occur once a day or once a process.
  await run(rig, WARM, batch)
  return times(await fresh(rig, run, count, batch), 1 / count)
}

/** Answers the write units of one more by partition key, from `count` of a kind in a burst of one account. */
export async function heatOfOne(kind: Printed, count: number): Promise<readonly Heat[]> {
  const { run } = PRINTED[kind]
  const watched: ReturnType<typeof heatTable>[] = []
  const watch = (table: Table) => {
    const heat = heatTable(table)
    watched.push(heat)
    return heat
  }
  const rig = await costRig({ waits: false, watch })
  await run(rig, WARM, WHOLE_BATCH)
  watched[0]?.take()
  await run(rig, count, WHOLE_BATCH)
  const heat = watched[0]?.take() ?? []
  return heat.map(({ pattern, units, hottest }) => ({ pattern, units: units / count, hottest: hottest / count }))
}

type Run = (rig: Rig, count: number, batch: number) => Promise<void>

async function fresh(rig: Rig, run: Run, count: number, batch: number): Promise<Counts> {
  rig.meter.take()
  await run(rig, count, batch)
  return rig.meter.take()
}
