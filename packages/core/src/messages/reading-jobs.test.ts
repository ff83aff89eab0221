import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainReceived, letter, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { MailError } from '../errors.ts'
import { type Compute, directCompute, type Job, JobError } from '../ports/compute.ts'
import { getWholeReceived } from './read.ts'
import { HTML_TO_TEXT, READ_LEAF, readingSteps } from './reading-jobs.ts'

const MIXED = letter(
  'From: eve@far.test\nSubject: two texts\nContent-Type: multipart/mixed; boundary=b',
  `--b\r\n\r\nshort\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>${'long '.repeat(60_000)}</p>\r\n--b--\r\n`,
)

/** Runs jobs as they come, but for large ones of a name. */
const computeBut = (job: Job<never, unknown>, error: Error): Compute => ({
  run: (asked, input, bytes) =>
    asked.name === job.name && bytes >= asked.largeBytes
      ? Promise.reject(error)
      : directCompute.run(asked, input, bytes),
})

test('a part that takes too long is undecoded, and the rest of its message is read', async () => {
  const ports = { ...(await receivePorts()), compute: computeBut(READ_LEAF, new JobError('too long')) }
  const [id = ''] = await take(ports, MIXED)
  assert.deepEqual(await drainReceived(ports), [])
  const { received, reading } = await getWholeReceived(ports, 'a', id)
  assert.equal(reading.subject, 'two texts')
  assert.equal(reading.text?.trim(), 'short')
  assert.deepEqual([reading.undecoded, received.undecoded], [['2'], ['2']])
})

test('HTML that takes too long is not in the plain text, which says that it is cut', async () => {
  const ports = { ...(await receivePorts()), compute: computeBut(HTML_TO_TEXT, new JobError('too long')) }
  const [id = ''] = await take(ports, MIXED)
  assert.deepEqual(await drainReceived(ports), [])
  const { reading } = await getWholeReceived(ports, 'a', id)
  assert.equal(reading.text?.trim(), 'short')
  assert.match(reading.html ?? '', /long long/)
  assert.deepEqual([reading.undecoded, reading.truncated], [[], ['text']])
})

test('a message that finds no room for its jobs waits, and counts no failure', async () => {
  const ports = await receivePorts()
  const compute = computeBut(READ_LEAF, new MailError('busy', 'busy'))
  const [id = ''] = await take(ports, MIXED)
  const failures = await drainReceived({ ...ports, compute })
  assert.deepEqual(
    failures.map(({ waits }) => waits),
    [true],
  )
  ports.clock.advance(60_000)
  assert.deepEqual(await drainReceived(ports), [])
  assert.deepEqual((await getWholeReceived(ports, 'a', id)).reading.undecoded, [])
})

test('the pieces of a message count together', async () => {
  const sizes: number[] = []
  const steps = readingSteps({
    run(job, input, bytes) {
      sizes.push(bytes)
      return directCompute.run(job, input, bytes)
    },
  })
  const head = { kind: 'filename', fallback: '', disposition: [], contentType: [['name', 'x'.repeat(1000)]] } as const
  for (let names = 0; names < 100; names++) await steps.leaf(head as never, new Uint8Array(0))
  assert.ok(sizes[0]! < READ_LEAF.largeBytes && sizes.at(-1)! > READ_LEAF.largeBytes, `${sizes}`)
})
