/** A process dies at any step of an operation on a domain: the same call again does the rest. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DomainRig, domainPorts } from '@kabutar/testing/domains-rig.ts'
import { type Death, deathAt, mortal } from '@kabutar/testing/mortal.ts'
import { KEY } from '@kabutar/testing/sending-rig.ts'
import { recipientOwner } from '../receiving/accept.ts'
import { sweep } from '../store/sweep.ts'
import { dueEvent } from '../webhooks/emit.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { createDomain } from './create.ts'
import { domainOwner, listDomains } from './domains.ts'
import { removeDomain } from './remove.ts'
import { readDomain, verifyDomain } from './verify.ts'

const A = KEY.accountId
const NAME = 'shop.test'
const MAX_STEPS = 60
const EVENTS = ['domain.created', 'domain.updated', 'domain.deleted']

/** The ports of a process that dies at a step. */
function dying(ports: DomainRig, death: Death): DomainRig {
  const [table, identities] = [mortal(ports.table, death, 'table'), mortal(ports.identities, death, 'identities')]
  return { ...ports, table, identities, webhookQueue: mortal(ports.webhookQueue, death, 'webhooks') }
}

const ours = async ({ table }: DomainRig) =>
  (await listDomains(table, A, { limit: 10 })).items.filter(({ name }) => name === NAME)

/** The ids of the events that are queued, or that the sweep queues, each once. */
async function eventsQueued(ports: DomainRig): Promise<string[]> {
  ports.clock.advance(5 * 60_000)
  await sweep(ports, { event: dueEvent(ports.webhookQueue) })
  const batch = await ports.webhookQueue.receive({ max: 100, visibilityMs: 1000, waitMs: 0 })
  return [...new Set(batch.map(({ body }) => (JSON.parse(body) as { event: string }).event))]
}

for (const after of [false, true]) {
  const when = after ? 'after' : 'before'

  test(`a creation that dies ${when} any step is finished by reading it, or never began`, async () => {
    let crashes = 0
    for (let fatal = 1; ; fatal++) {
      assert.ok(fatal < MAX_STEPS)
      const ports = await domainPorts()
      await createEndpoint(ports, A, { url: 'https://x.test/', events: EVENTS })
      const death = deathAt(fatal, after)
      await createDomain(dying(ports, death), A, { name: NAME }).catch(() => undefined)
      if (!death.dead) break
      crashes++
      const [made] = await ours(ports)
      if (made === undefined) {
        await createDomain(ports, A, { name: NAME })
        continue
      }
      const { records, status } = await readDomain(ports, A, made.id)
      assert.deepEqual([records.length, status], [3, 'not_started'], `step ${fatal}`)
      assert.equal((await eventsQueued(ports)).length, 1, `step ${fatal}`)
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
      const death = deathAt(fatal, after)
      await verifyDomain(dying(ports, death), A, id).catch(() => undefined)
      if (!death.dead) break
      crashes++
      assert.equal((await verifyDomain(ports, A, id)).status, 'verified', `step ${fatal}`)
      assert.equal(await recipientOwner(ports.table, `x@${NAME}`), A)
      assert.deepEqual([...ports.identities.receiving], [NAME])
      // Pending, then verified: once each.
      assert.equal((await eventsQueued(ports)).length, 2, `step ${fatal}`)
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
      const death = deathAt(fatal, after)
      await removeDomain(dying(ports, death), A, id).catch(() => undefined)
      if (!death.dead) break
      crashes++
      await removeDomain(ports, A, id).catch((error) => assert.equal(error.code, 'not_found'))
      assert.deepEqual(await ours(ports), [])
      assert.equal(await domainOwner(ports.table, NAME), undefined)
      assert.deepEqual([...ports.identities.receiving, ...ports.identities.known], [])
      assert.equal((await eventsQueued(ports)).length, 1, `step ${fatal}`)
      await createDomain(ports, 'b', { name: NAME })
    }
    assert.ok(crashes >= 5, `${crashes} steps`)
  })
}
