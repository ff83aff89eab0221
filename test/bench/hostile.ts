/** Sends honest mail beside every attack. Arguments: minutes, and a text that names fewer attacks. Prints what was counted. */
import { endureHour } from '../faults/hostile/hour.ts'

const [minutes = '60', only = ''] = process.argv.slice(2)
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const { missing, lives, report } = await endureHour({
  minutes: Number(minutes),
  seed,
  turnMs: [5000, 20_000],
  settleMs: 600_000,
  only,
})
for (const line of report) console.log(`  ${line}`)
if (!lives || missing.messages.length > 0 || missing.webhooks.length > 0) process.exitCode = 1
