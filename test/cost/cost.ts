/** `npm run cost`: what AWS would bill for a million of each, counted and not modelled, item by item; `-- sends` for one. */
import { idleMonth } from './idle.ts'
import type { Counts } from './meter.ts'
import { LATENCY_MS, PRICES } from './prices.ts'
import { costRig, deliverAll, type Rig, receiveAll, sendAll } from './work.ts'

const MILLION = 1e6
const WARM = 10
/** Per million and per month; the limit that we are after, and what this version has to keep in a burst. */
const KINDS = [
  { name: 'sends (20 KB, 1 recipient)', run: sendAll, target: 11, limit: 5 },
  { name: 'received (60 KB)', run: receiveAll, target: 14, limit: 9 },
  { name: 'webhook deliveries', run: deliverAll, target: 2.2, limit: 1 },
] as const
const LOADS = [
  { name: 'burst', count: 200, batch: 10 },
  { name: '0.4 a second', count: 30, batch: 1 },
] as const

type Bill = Readonly<Record<string, number>>
type Run = (rig: Rig, count: number, batch: number) => Promise<void>

async function billOf(run: Run, count: number, batch: number): Promise<Bill> {
  const rig = await costRig()
  // What is paid once a day, process or template is not what one more costs.
  await run(rig, WARM, batch)
  const warm = await fresh(rig, run, count, batch)
  return Object.fromEntries(Object.entries(warm).map(([name, amount]) => [name, dollars(name, amount / count)]))
}

async function fresh(rig: Rig, run: Run, count: number, batch: number): Promise<Counts> {
  rig.meter.take()
  await run(rig, count, batch)
  return rig.meter.take()
}

/** Of a million: prices are per million of a thing, or per GB, of which a million have a million times as many. */
function dollars(name: string, each: number): number {
  const price = PRICES[name as keyof typeof PRICES]
  return /Gb$|GbMonth$/.test(name) ? each * MILLION * price : each * price
}

const sum = (bill: Bill) => Object.values(bill).reduce((total, one) => total + one, 0)

async function main(): Promise<void> {
  const over: string[] = []
  console.log(
    `Assumed waits, in ms: ${JSON.stringify(LATENCY_MS)}. List prices, no free tier. SES's own fee is not in it.`,
  )
  const wanted = process.argv[2] ?? ''
  for (const { name, run, target, limit } of KINDS.filter((kind) => kind.name.startsWith(wanted))) {
    const columns: Bill[] = []
    for (const { count, batch } of LOADS) columns.push(await billOf(run, count, batch))
    print(`$ per 1M ${name}`, columns)
    const burst = sum(columns[0] ?? {})
    console.log(`burst $${burst.toFixed(2)}; target $${target}, limit $${limit}: ${(burst - limit).toFixed(2)} remain`)
    if (burst > target) over.push(`${name}: $${burst.toFixed(2)} > $${target}`)
  }
  const idle = await idleMonth()
  print('$ for an idle month', [idle])
  if (sum(idle) > 2) over.push(`an idle month: $${sum(idle).toFixed(2)} > $2`)
  for (const one of over) console.log(`OVER TARGET ${one}`)
}

function print(title: string, columns: readonly Bill[]): void {
  const names = [...new Set(columns.flatMap((bill) => Object.keys(bill)))]
  console.log(`\n${title.padEnd(44)}${columns.length > 1 ? LOADS.map(({ name }) => name.padStart(14)).join('') : ''}`)
  const row = (name: string, of: (bill: Bill) => number) =>
    console.log(`  ${name.padEnd(42)}${columns.map((bill) => of(bill).toFixed(2).padStart(14)).join('')}`)
  for (const name of names) row(name, (bill) => bill[name] ?? 0)
  row('sum', sum)
}

await main()
