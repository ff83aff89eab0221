/** Labels of a mailbox, and those of its threads. */
import { MailError } from '../errors.ts'
import { type Box, contentsPartition, LABELS } from '../store/mailbox-keys.ts'
import { dueAt } from '../store/outbox.ts'
import { changeMailbox } from './change.ts'
import { type Label, MAX_THREAD_LABELS, type Thread } from './model.ts'
import { entityOf, jobRef, labelRef, threadRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'
import { rootOf } from './thread.ts'

const MAX_LABELS = 1000
const MAX_NAME_LENGTH = 255
const COLOR = /^#[0-9a-f]{6}$/i

/** @throws {MailError} `invalid_parameter`; `conflict` for a name that is taken, or past 1,000; `not_found` */
export async function makeLabel(ports: MailboxPorts, box: Box, wanted: Pick<Label, 'name' | 'color'>): Promise<Label> {
  const label = { id: ports.ids.next(), ...checked(wanted) }
  return changeMailbox(ports, box, async (step) => {
    const others = await labelsIn(step)
    if (others.length >= MAX_LABELS) throw new MailError('conflict', `An inbox has at most ${MAX_LABELS} labels.`)
    refuseTaken(others, label)
    step.put(labelRef(box, label.id), label)
    step.note({ type: 'label', label: label.id })
    return label
  })
}

/** @throws {MailError} as `makeLabel` */
export async function updateLabel(
  ports: MailboxPorts,
  box: Box,
  id: string,
  change: Partial<Pick<Label, 'name' | 'color'>>,
): Promise<Label> {
  return changeMailbox(ports, box, async (step) => {
    const label = { ...(await labelOf(step, id)), ...change }
    const after = { ...label, ...checked(label) }
    refuseTaken(await labelsIn(step), after)
    step.put(labelRef(box, id), after)
    step.note({ type: 'label', label: id })
    return after
  })
}

/** Removes a label at once for readers. Its threads lose it in steps, which the sweep finishes after a crash. */
export async function removeLabel(ports: MailboxPorts, box: Box, id: string): Promise<void> {
  await changeMailbox(ports, box, async (step) => {
    const label = await labelOf(step, id)
    step.put(labelRef(box, id), { ...label, removedAt: step.now })
    const job = jobRef(box, 'clear-label', id)
    const due = dueAt('mailbox-job', box.accountId, job.key.sk, step.now)
    step.put(job, { job: 'clear-label', subject: id, ...due })
    step.note({ type: 'label', label: id })
  })
}

/** The labels of a mailbox, by name. */
export async function listLabels({ table }: Pick<MailboxPorts, 'table'>, box: Box): Promise<readonly Label[]> {
  const { items } = await table.query({ pk: contentsPartition(box), prefix: LABELS, limit: 2 * MAX_LABELS })
  const labels = items
    .map((item) => entityOf(labelRef(box, ''), item))
    .filter(({ removedAt }) => removedAt === undefined)
  return labels.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * Adds labels to a thread, takes them away, or sets exactly these. Answers the thread's labels.
 * @throws {MailError} `not_found` for the thread or a label; `conflict` past 20 labels
 */
export async function label(
  ports: MailboxPorts,
  box: Box,
  threadId: string,
  how: 'add' | 'set' | 'remove',
  labels: readonly string[],
): Promise<readonly string[]> {
  return changeMailbox(ports, box, async (step) => {
    const { thread } = await rootOf(step, threadId)
    if (thread === undefined || thread.emails === 0) throw new MailError('not_found', 'Thread not found')
    if (how !== 'remove') await Promise.all(labels.map((id) => labelOf(step, id)))
    const after = labelled(thread, how, labels)
    if (after.length > MAX_THREAD_LABELS) {
      throw new MailError('conflict', `A thread has at most ${MAX_THREAD_LABELS} labels.`)
    }
    step.put(threadRef(box, thread.id), { ...thread, labels: after })
    return after
  })
}

function labelled(thread: Thread, how: 'add' | 'set' | 'remove', labels: readonly string[]): readonly string[] {
  if (how === 'remove') return thread.labels.filter((id) => !labels.includes(id))
  return [...new Set([...(how === 'add' ? thread.labels : []), ...labels])].sort()
}

async function labelOf(step: Step, id: string): Promise<Label> {
  const found = await step.read(labelRef(step.box, id))
  if (found === undefined || found.removedAt !== undefined) throw new MailError('not_found', 'Label not found')
  return found
}

const labelsIn = ({ table, box }: Step) => listLabels({ table }, box)

function refuseTaken(others: readonly Label[], { id, name }: Label): void {
  if (others.some((one) => one.id !== id && one.name === name)) {
    throw new MailError('conflict', 'The inbox has a label of this name.')
  }
}

function checked({ name, color }: Pick<Label, 'name' | 'color'>): Pick<Label, 'name' | 'color'> {
  const normal = name.normalize('NFC').trim()
  if (normal === '' || normal.length > MAX_NAME_LENGTH) {
    throw new MailError('invalid_parameter', `A label's name has 1 to ${MAX_NAME_LENGTH} characters.`)
  }
  if (!COLOR.test(color)) throw new MailError('invalid_parameter', 'A colour is written as #RRGGBB.')
  return { name: normal, color: color.toUpperCase() }
}
