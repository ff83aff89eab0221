import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { countsOfOne, KINDS, type Kind, WHOLE_BATCH } from '../../cost/bill.ts'
import { type Counts, dollars, dollarsOf } from '../../cost/tally.ts'
import { type Metered, startMetered } from '../metered.ts'

const BURST = { name: 'burst', count: 2 * WHOLE_BATCH, batch: WHOLE_BATCH }
const ONE_BY_ONE = { name: 'one by one', count: 10, batch: 1 }
const LOADS = [BURST, ONE_BY_ONE] as const

/**
 * Allowed differences between wire and rig for one message. Write units differ by chance: one mail in twenty is counted for
 * its account, and a compressed mail may be just over a kilobyte. A further call for each message differs by more.
 */
const APART: Counts = {
  tableWrites: 0.5,
  tableReads: 0.1,
  tableGbMonth: 300 / 1024 ** 3,
  sqsRequests: 0.05,
  snsPublishes: 0,
  s3Writes: 0,
  s3Reads: 0,
  s3Lists: 0,
  s3GbMonth: 100 / 1024 ** 3,
  httpApi: 0,
  lambdaRequests: 0.05,
  logGb: 10 / 1024 ** 3,
}
/** Reads of keys and pauses, which processes repeat after five seconds and so at random. */
const READ_AGAIN = 4
const RECENT_SECONDS = 5
/** Counts that are taken from the rig: this machine's time is not Lambda's, and nothing here measures TLS. */
const MODELLED = ['lambdaGbSeconds', 'egressGb'] as const
/** Not part of the target: SES's own fee. */
const SES = ['sesOutbound', 'sesInbound'] as const

const kinds = Object.keys(KINDS) as Kind[]

type Counted = { readonly wire: Counts; readonly rig: Counts; readonly seconds: number }

describe('the cost of an operation, counted between the built functions and AWS', () => {
  let metered: Metered
  const rig = new Map<string, Counts>()
  before(async () => {
    // In a process of its own, because it measures its own time.
    for (const kind of kinds)
      for (const load of LOADS)
        rig.set(`${kind} ${load.name}`, await countsOfOne(kind, { ...load, waits: load === BURST }))
    metered = await startMetered()
  })
  after(async () => {
    await metered?.close()
  })

  const counted = async (kind: Kind, load: (typeof LOADS)[number]): Promise<Counted> => {
    const from = performance.now()
    const wire = { ...(await metered.countsOfOne(kind, load)) }
    const seconds = (performance.now() - from) / 1000
    const own = rig.get(`${kind} ${load.name}`) ?? {}
    for (const name of MODELLED) wire[name] = own[name] ?? 0
    for (const name of SES) delete wire[name]
    return { wire, rig: own, seconds }
  }

  for (const kind of kinds) {
    test(`${kind} cost what the rig of \`npm run cost\` counts, and stay within the target in a burst`, async () => {
      const [burst, oneByOne] = [await counted(kind, BURST), await counted(kind, ONE_BY_ONE)]
      print(kind, burst, oneByOne)
      assert.deepEqual([...apart(burst, BURST.count), ...apart(oneByOne, ONE_BY_ONE.count)], [])
      const { lambdaGbSeconds: _, ...others } = burst.wire
      const { target, time } = KINDS[kind]
      assert.ok(dollars(others) * 1e6 <= target - time, `$${dollars(others) * 1e6} without the time of functions`)
    })
  }

  test('units equal those of the emulator where it counts', () => {
    const { ours, theirs } = metered.platform.dynamo.check
    console.log(`of ${ours} units that dynalite counts too, it counts ${theirs}`)
    assert.ok(ours > 100 && Math.abs(ours - theirs) <= 0.01 * ours, `${ours} and ${theirs}`)
  })
})

/** Lists the counts that differ between wire and rig. */
function apart({ wire, rig, seconds }: Counted, count: number): readonly string[] {
  const again = (READ_AGAIN * (seconds / RECENT_SECONDS + 1)) / count
  return (Object.keys(APART) as (keyof Counts)[]).flatMap((name) => {
    const most = (APART[name] ?? 0) + (name === 'tableReads' ? again : 0) + 1e-9
    const [there, here] = [wire[name] ?? 0, rig[name] ?? 0]
    return Math.abs(there - here) > most ? [`${name}: ${there} at the wire, ${here} in the rig`] : []
  })
}

function print(kind: Kind, burst: Counted, oneByOne: Counted): void {
  const columns = [burst.wire, burst.rig, oneByOne.wire, oneByOne.rig]
  const row = (name: string, cells: readonly string[]) =>
    console.log(`  ${name.padEnd(22)}${cells.map((cell) => cell.padStart(12)).join('')}`)
  console.log(`$ per 1M ${KINDS[kind].name}`)
  row('', [BURST.name, 'by the rig', ONE_BY_ONE.name, 'by the rig'])
  const names = [...new Set(columns.flatMap((counts) => Object.keys(counts)))] as (keyof Counts)[]
  const inDollars = (name: keyof Counts) => columns.map((counts) => dollarsOf(name, (counts[name] ?? 0) * 1e6))
  for (const name of names) {
    const cells = inDollars(name)
    const modelled = MODELLED.some((one) => one === name)
    if (cells.some((cell) => Math.abs(cell) >= 0.005))
      row(
        `${name}${modelled ? ' *' : ''}`,
        cells.map((cell) => cell.toFixed(2)),
      )
  }
  row(
    'sum',
    columns.map((counts) => (dollars(counts) * 1e6).toFixed(2)),
  )
}
