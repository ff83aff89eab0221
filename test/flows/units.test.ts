import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedbackFromSes } from '@kabutar/aws/ses/feedback.ts'
import { sesMessageId } from '@kabutar/aws/ses/relay.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { DRAFT, drain, KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import { html } from '../cost/mail.ts'

const words = ['order', 'total', 'street', 'parcel', 'tomorrow', 'please', 'thanks', 'number', 'account', 'button']
const template = (bytes: number) => {
  let html = ''
  for (let n = 0; html.length < bytes; n++) {
    html += `<tr style="padding:${n % 24}px"><td class="c${n % 7}">${words[n % 10]} ${(n * 7919) % 1000}</td></tr>\n`
  }
  return html.slice(0, bytes)
}

const skip = process.env.KABUTAR_FLOW === 'aws' && 'it counts at the port, before any platform'

test('a send of 20 KB stays within 11 write units', { skip }, async () => {
  for (const [name, html] of [
    ['2 KB', template(2_000)],
    ['20 KB', template(20_000)],
  ] as const) {
    const ports = await testPorts()
    const table = countingTable(ports.table)
    const counted = { ...ports, table }
    // The first message of a day also writes the day's row, which is not part of what a send costs.
    await submit(counted, KEY, { ...DRAFT, html })
    await drain(counted)
    table.reset()
    await submit(counted, KEY, { ...DRAFT, html })
    const accepted = table.units()
    await drain(counted)
    const { write, read } = table.units()
    console.log(`send of ${name}: ${accepted.write} write units to accept, ${write} in all, ${read} read units`)
    assert.ok(write <= 11, `${write} write units`)
  }
})

const REGION = 'us-east-1'

/** A relay that behaves like SES: it answers with its own id and reports the delivery. */
async function sesPorts() {
  const ports = await testPorts()
  const table = countingTable(ports.table)
  let relayed = 0
  ports.relay.answer = () => {
    const relayId = `r${relayed++}`
    return { relayId, messageId: sesMessageId(relayId, REGION), outcome: 'sent', rejected: [] }
  }
  return { ...ports, table, region: REGION }
}

async function sendAndDeliver(ports: Awaited<ReturnType<typeof sesPorts>>, n: number): Promise<void> {
  const address = `bob${n}@y.test`
  const { id } = await submit(ports, KEY, { ...DRAFT, to: [{ name: '', address }], html: html(n) })
  await drain(ports)
  const mail = { messageId: `r${n}`, tags: { kabutar_account: [KEY.accountId], kabutar_id: [id] } }
  const body = JSON.stringify({ eventType: 'Delivery', mail, delivery: { recipients: [address] } })
  const delivery = { id: 'q', body, attempt: 1, sentAt: 0, handle: 'h' }
  assert.deepEqual(await feedbackFromSes(ports, [delivery], new AbortController().signal), [])
}

test('a mail of 20 KB over SES costs 15 write units up to its delivery', { skip }, async () => {
  const ports = await sesPorts()
  for (let n = 0; n < 10; n++) await sendAndDeliver(ports, n)
  ports.table.reset()
  for (let n = 10; n < 60; n++) await sendAndDeliver(ports, n)
  const { write, read } = ports.table.units()
  console.log(`send of 20 KB on AWS, up to its delivery: ${write / 50} write units, ${read / 50} read units`)
  assert.ok(write / 50 <= 15, `${write / 50} write units`)
  assert.ok(read / 50 <= 8, `${read / 50} read units`)
})
