/**
 * Kinds of fault from public bug reports on software that does the same job, each with inputs of our own. A case that stays
 * wrong on purpose has an exception, which names its checks and where the docs say so; a check that is right has none.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Case } from './case.ts'
import { HTTP_REQUESTS } from './http-requests.ts'
import { RECEIVED_NAMES } from './received-names.ts'
import { RECEIVED_PARTS } from './received-parts.ts'
import { RECEIVED_TEXTS } from './received-texts.ts'
import { type Rig, startRig } from './rig.ts'
import { SENT_HEADERS } from './sent-headers.ts'
import { SENT_REQUESTS } from './sent-requests.ts'
import { SMTP_ENVELOPES } from './smtp-envelopes.ts'
import { WEBHOOKS } from './webhooks.ts'

const CASES: readonly Case[] = [
  ...RECEIVED_NAMES,
  ...RECEIVED_TEXTS,
  ...RECEIVED_PARTS,
  ...SENT_REQUESTS,
  ...SENT_HEADERS,
  ...SMTP_ENVELOPES,
  ...HTTP_REQUESTS,
  ...WEBHOOKS,
].sort((a, b) => Number(a.id) - Number(b.id))

test('at most five of 42 cases have an exception, and the docs give its reason', () => {
  assert.equal(new Set(CASES.map(({ id }) => id)).size, 42)
  const exceptions = CASES.flatMap(({ exception }) => (exception ? [exception] : []))
  assert.ok(exceptions.length <= 5)
  for (const { documentedIn, reason } of exceptions) {
    assert.ok(readFileSync(documentedIn, 'utf8').replace(/\s+/g, ' ').includes(reason), `${documentedIn}: ${reason}`)
  }
})

describe('faults that others reported', () => {
  let rig: Rig
  before(async () => {
    rig = await startRig()
  })
  after(() => rig?.[Symbol.asyncDispose]())

  for (const { id, symptom, checks, exception } of CASES) {
    describe(`${id} ${symptom}`, { concurrency: 8 }, () => {
      for (const check of checks) {
        if (!exception?.checks.includes(check.name)) test(check.name, () => check.run(rig))
        else test(`${check.name} (an exception)`, () => assert.rejects(check.run(rig)))
      }
    })
  }
})
