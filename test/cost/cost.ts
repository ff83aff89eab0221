/** `npm run cost` prints what AWS would bill for a million of each, counted item by item; `-- sends` for one kind. */
import { type Arguments, runCommand } from '@kabutar/server/command-line.ts'
import { countsOfOne, heatOfOne, type Load, PRINTED, type Printed, WHOLE_BATCH } from './bill.ts'
import { idleMonth } from './idle.ts'
import { BUYS, LATENCY_MS } from './prices.ts'
import { dollarsOf, entriesOf } from './tally.ts'

const MILLION = 1e6
const LOADS = [
  { name: 'burst', count: 200, batch: WHOLE_BATCH },
  { name: '0.4 a second', count: 30, batch: 1, betweenMs: 2500 },
] as const
/** Enough for the shards of a day to fill evenly. */
const HEATED = 400
const STORED_MONTHS = [12, 24]
/** Dollars, a little above the current figure. */
const IDLE_TARGET = 2.5

type Bill = Readonly<Record<string, number>>

async function billOf(kind: Printed, load: Load): Promise<Bill> {
  const each = await countsOfOne(kind, load)
  return Object.fromEntries(entriesOf(each).map(([name, amount]) => [name, dollarsOf(name, amount * MILLION)]))
}

/** Dollars of a month of storage; a message stays until it is deleted or its retention ends. */
const stored = ({ tableGbMonth = 0, s3GbMonth = 0 }: Bill) => tableGbMonth + s3GbMonth
const sum = (bill: Bill) => Object.values(bill).reduce((total, one) => total + one, 0)

async function main({ words }: Arguments): Promise<void> {
  if (words[0] === 'heat') return printHeat()
  const over: string[] = []
  console.log(
    `Assumed waits, in ms: ${JSON.stringify(LATENCY_MS)}. List prices, no free tier. SES's own fee is not in it.`,
  )
  const wanted = words[0] ?? ''
  for (const kind of (Object.keys(PRINTED) as Printed[]).filter((one) => one.startsWith(wanted))) {
    const { name, target } = PRINTED[kind]
    const columns: Bill[] = []
    for (const load of LOADS) columns.push(await billOf(kind, load))
    print(`$ per 1M ${name}`, columns)
    const burst = sum(columns[0] ?? {})
    if (burst > target) over.push(`${name}: $${burst.toFixed(2)} > $${target}`)
  }
  const idle = await idleMonth()
  print('$ for an idle month', [idle])
  if (sum(idle) > IDLE_TARGET) over.push(`an idle month: $${sum(idle).toFixed(2)} > $${IDLE_TARGET}`)
  for (const one of over) console.log(`OVER TARGET ${one}`)
}

/** Write units by partition key, of one message in a burst. */
async function printHeat(): Promise<void> {
  for (const kind of Object.keys(PRINTED) as Printed[]) {
    console.log(`\nwrite units of ${PRINTED[kind].name}`.padEnd(61) + 'each'.padStart(8) + 'hottest'.padStart(10))
    for (const { pattern, units, hottest } of await heatOfOne(kind, HEATED)) {
      console.log(`  ${pattern.padEnd(58)}${units.toFixed(2).padStart(8)}${hottest.toFixed(2).padStart(10)}`)
    }
  }
}

const buys = (name: string): string => (BUYS as Readonly<Record<string, string>>)[name] ?? ''

function print(title: string, columns: readonly Bill[]): void {
  const names = [...new Set(columns.flatMap((bill) => Object.keys(bill)))]
  console.log(`\n${title.padEnd(44)}${columns.length > 1 ? LOADS.map(({ name }) => name.padStart(14)).join('') : ''}`)
  const row = (name: string, of: (bill: Bill) => number) =>
    console.log(
      `  ${name.padEnd(42)}${columns.map((bill) => of(bill).toFixed(2).padStart(14)).join('')}  ${buys(name)}`.trimEnd(),
    )
  // Leaves out items that cancel out or are free.
  const billed = names.filter((name) => columns.some((bill) => Math.abs(bill[name] ?? 0) >= 0.005))
  for (const name of billed) row(name, (bill) => bill[name] ?? 0)
  row('sum', sum)
  if (columns.length === 1) return
  for (const months of STORED_MONTHS)
    row(`sum, if stored for ${months} months`, (bill) => sum(bill) + (months - 1) * stored(bill))
}

await runCommand(
  {
    usage: ['npm run cost', 'npm run cost -- sends', 'npm run cost -- heat'],
    does: `Prints what AWS would bill for a million of each, counted item by item; or for one of ${Object.keys(PRINTED).join(', ')}. \`heat\` prints write units by partition key.`,
    options: {},
  },
  main,
)
