import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingTable } from '@kabutar/core/ports/counting-table.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { DRAFT, drain, KEY, testPorts } from '@kabutar/core/sending/testing.ts'

const words = ['order', 'total', 'street', 'parcel', 'tomorrow', 'please', 'thanks', 'number', 'account', 'button']
const template = (bytes: number) => {
  let html = ''
  for (let n = 0; html.length < bytes; n++) {
    html += `<tr style="padding:${n % 24}px"><td class="c${n % 7}">${words[n % 10]} ${(n * 7919) % 1000}</td></tr>\n`
  }
  return html.slice(0, bytes)
}

const skip = process.env.KABUTAR_FLOW === 'aws' && 'it counts at the port, before any platform'

test('a send stays within 10 write units (ARCHITECTURE, Costs)', { skip }, async () => {
  for (const [name, html] of [
    ['2 KB', template(2_000)],
    ['20 KB', template(20_000)],
  ] as const) {
    const ports = await testPorts()
    const table = countingTable(ports.table)
    const counted = { ...ports, table }
    // The first message of a day marks the day as active; it is not what a send costs.
    await submit(counted, KEY, { ...DRAFT, html })
    await drain(counted)
    table.reset()
    await submit(counted, KEY, { ...DRAFT, html })
    const accepted = table.units()
    await drain(counted)
    const { write, read } = table.units()
    console.log(`send of ${name}: ${accepted.write} write units to accept, ${write} in all, ${read} read units`)
    assert.ok(write <= 10, `${write} write units`)
  }
})
