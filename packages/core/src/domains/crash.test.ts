/** A process that dies at any step of an operation on a domain: who asks again gets what was asked for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DomainRig, domainPorts } from '@kabutar/testing/domains-rig.ts'
import { KEY } from '@kabutar/testing/sending-rig.ts'
import { recipientOwner } from '../receiving/accept.ts'
import { sweep } from '../store/outbox.ts'
import { dueEvent } from '../webhooks/emit.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { createDomain } from './create.ts'
import { domainOwner, listDomains } from './domains.ts'
import { removeDomain } from './remove.ts'
import { readDomain, verifyDomain } from './verify.ts'

class Crash extends Error {}
const A = KEY.accountId
const NAME = 'shop.test'
const MAX_STEPS = 60
const EVENTS = ['domain.created', 'domain.updated', 'domain.deleted']

/** Every call counts; the `fatal`th is made or not, and nothing answers any more. */
function dying(ports: DomainRig, fatal: number, after: boolean) {
  let calls = 0
  const mortal = <T extends object>(port: T): T =>
    new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          calls++
          if (calls > fatal || (calls === fatal && !after)) throw new Crash()
          const answer: unknown = await Reflect.apply(value, target, args)
          if (calls >= fatal) throw new Crash()
          return answer
        }
      },
    })
  const [table, identities] = [mortal(ports.table), mortal(ports.identities)]
  return {
    ports: { ...ports, table, identities, webhookQueue: mortal(ports.webhookQueue) },
    died: () => calls >= fatal,
  }
}

const ours = async ({ table }: DomainRig) =>
  (await listDomains(table, A, { limit: 10 })).items.filter(({ name }) => name === NAME)

/** Types of the events that the queue and the sweep know of, each id once. */
async function told(ports: DomainRig): Promise<string[]> {
  ports.clock.advance(5 * 60_000)
  await sweep(ports, { event: dueEvent(ports.webhookQueue) })
  const batch = await ports.webhookQueue.receive({ max: 100, visibilityMs: 1000, waitMs: 0 })
  return [...new Set(batch.map(({ body }) => (JSON.parse(body) as { event: string }).event))]
}

for (const after of [false, true]) {
  const when = after ? 'after' : 'before'

  test(`a creation that dies ${when} any step is finished by reading it, or was never begun`, async () => {
    let crashes = 0
    for (let fatal = 1; ; fatal++) {
      assert.ok(fatal < MAX_STEPS)
      const ports = await domainPorts()
      await createEndpoint(ports, A, { url: 'https://x.test/', events: EVENTS })
      const life = dying(ports, fatal, after)
      await createDomain(life.ports, A, { name: NAME }).catch(() => undefined)
      if (!life.died()) break
      crashes++
      const [made] = await ours(ports)
      if (made === undefined) {
        await createDomain(ports, A, { name: NAME })
        continue
      }
      const { records, status } = await readDomain(ports, A, made.id)
      assert.deepEqual([records.length, status], [3, 'not_started'], `step ${fatal}`)
      assert.equal((await told(ports)).length, 1, `step ${fatal}`)
    }
    assert.ok(crashes >= 5, `${crashes} steps`)
  })

  test(`a verification that dies ${when} any step is finished by the next`, async () => {
    let crashes = 0
    for (let fatal = 1; ; fatal++) {
      assert.ok(fatal < MAX_STEPS)
      const ports = await domainPorts()
      const { id } = await createDomain(ports, A, { name: NAME, capabilities: { receiving: true } })
      await createEndpoint(ports, A, { url: 'https://x.test/', events: EVENTS })
      ports.identities.published.add(NAME)
      const life = dying(ports, fatal, after)
      await verifyDomain(life.ports, A, id).catch(() => undefined)
      if (!life.died()) break
      crashes++
      assert.equal((await verifyDomain(ports, A, id)).status, 'verified', `step ${fatal}`)
      assert.equal(await recipientOwner(ports.table, `x@${NAME}`), A)
      assert.deepEqual([...ports.identities.receiving], [NAME])
      // Pending, then verified: once each.
      assert.equal((await told(ports)).length, 2, `step ${fatal}`)
    }
    assert.ok(crashes >= 8, `${crashes} steps`)
  })

  test(`a removal that dies ${when} any step is finished by the next, and the name is free`, async () => {
    let crashes = 0
    for (let fatal = 1; ; fatal++) {
      assert.ok(fatal < MAX_STEPS)
      const ports = await domainPorts()
      const { id } = await createDomain(ports, A, { name: NAME, capabilities: { receiving: true } })
      ports.identities.published.add(NAME)
      await verifyDomain(ports, A, id)
      await createEndpoint(ports, A, { url: 'https://x.test/', events: EVENTS })
      const life = dying(ports, fatal, after)
      await removeDomain(life.ports, A, id).catch(() => undefined)
      if (!life.died()) break
      crashes++
      await removeDomain(ports, A, id).catch((error) => assert.equal(error.code, 'not_found'))
      assert.deepEqual(await ours(ports), [])
      assert.equal(await domainOwner(ports.table, NAME), undefined)
      assert.deepEqual([...ports.identities.receiving, ...ports.identities.known], [])
      assert.equal((await told(ports)).length, 1, `step ${fatal}`)
      await createDomain(ports, 'b', { name: NAME })
    }
    assert.ok(crashes >= 5, `${crashes} steps`)
  })
}
