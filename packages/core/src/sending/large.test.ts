import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRAFT, drain, KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import { getWholeSent } from '../messages/read.ts'
import { type Compute, directCompute } from '../ports/compute.ts'
import { submit } from './submit.ts'

const MB = 1024 * 1024
/** Lies in a blob, even deflated. */
const NUMBERS = Array.from({ length: 250_000 }, (_, n) => n * 7919).join('\n')

/** The names of the jobs that are large enough for another thread. */
function counting(): Compute & { readonly large: string[] } {
  const large: string[] = []
  return {
    large,
    run(job, input, bytes) {
      if (bytes >= job.largeBytes) large.push(job.name)
      return directCompute.run(job, input, bytes)
    },
  }
}

for (const { name, draft, jobs } of [
  { name: 'small text', draft: { text: 'x'.repeat(200_000) }, jobs: [] },
  { name: '300 KB of HTML', draft: { html: 'x'.repeat(300_000) }, jobs: ['compose'] },
  {
    name: '2 MB of text',
    draft: { text: NUMBERS },
    jobs: ['digest-draft', 'encode-json', 'decode-json', 'compose', 'decode-json'],
  },
  {
    name: 'a file of 2 MB',
    draft: { attachments: [{ filename: 'a', content: Buffer.alloc(2 * MB) }] },
    jobs: ['digest-draft', 'compose'],
  },
])
  test(`the large work on a message with ${name} is done by jobs`, async () => {
    const compute = counting()
    const ports = { ...(await testPorts()), compute }
    const { id } = await submit(ports, KEY, { ...DRAFT, ...draft }, 'once')
    await drain(ports)
    assert.equal((await getWholeSent(ports, KEY.accountId, id)).message.recipients[0]?.status, 'sent')
    assert.deepEqual(compute.large, jobs)
    assert.equal(ports.relay.relayed.length, 1)
  })
