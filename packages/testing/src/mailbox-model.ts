/** A mailbox as one would write it without a store: the model that the real one is compared with. */

export type ModelMessage = {
  readonly id: string
  folder: string
  uid: number
  flags: Set<string>
  /** Any Message-ID of it; the thread is everything that is tied to it. */
  readonly tie: string
  readonly receivedAt: number
}
type ModelThread = { messages: ModelMessage[]; folder: string }

const NOT_MAIN = ['sent', 'drafts']
const ROLES = ['inbox', 'sent', 'drafts', 'trash', 'spam', 'archive']

export class MailboxModel {
  readonly messages = new Map<string, ModelMessage>()
  readonly uidNext = new Map<string, number>()
  readonly gone = new Set<string>()
  #parent = new Map<string, string>()
  #labels = new Map<string, Set<string>>()

  /** What a Message-ID is tied to. */
  tied(name: string): string {
    let at = name
    for (let up = this.#parent.get(at); up !== undefined; up = this.#parent.get(at)) at = up
    return at
  }

  #tie(a: string, b: string): void {
    const [x, y] = [this.tied(a), this.tied(b)]
    if (x === y) return
    this.#parent.set(x, y)
    const labels = new Set([...(this.#labels.get(x) ?? []), ...(this.#labels.get(y) ?? [])])
    this.#labels.delete(x)
    this.#labels.set(y, labels)
  }

  arrive(id: string, names: readonly string[], folder: string, receivedAt: number): void {
    if (this.messages.has(id) || this.gone.has(id)) return
    const [tie = id] = names
    for (const name of names) this.#tie(tie, name)
    this.#put({ id, tie, receivedAt, flags: new Set(), folder, uid: 0 }, folder)
  }

  copy(of: ModelMessage, id: string, to: string): void {
    this.#put({ ...of, id, flags: new Set(of.flags) }, to)
  }

  move(message: ModelMessage, to: string): void {
    this.#put(message, to)
  }

  expunge(message: ModelMessage): void {
    this.messages.delete(message.id)
    this.gone.add(message.id)
    const root = this.tied(message.tie)
    if (![...this.messages.values()].some(({ tie }) => this.tied(tie) === root)) this.#labels.delete(root)
  }

  label(tie: string, how: 'add' | 'set' | 'remove', labels: readonly string[]): void {
    const root = this.tied(tie)
    const had = how === 'set' ? [] : [...(this.#labels.get(root) ?? [])]
    const kept = how === 'remove' ? had.filter((one) => !labels.includes(one)) : [...had, ...labels]
    this.#labels.set(root, new Set(kept))
  }

  labelsOf(tie: string): readonly string[] {
    return [...(this.#labels.get(this.tied(tie)) ?? [])].sort()
  }

  at(folder: string, uid: number): ModelMessage | undefined {
    return [...this.messages.values()].find((one) => one.folder === folder && one.uid === uid)
  }

  /** Of what is visible; undefined if nothing is. */
  thread(tie: string): ModelThread | undefined {
    const root = this.tied(tie)
    const visible = [...this.messages.values()]
      .filter((one) => this.tied(one.tie) === root && !one.flags.has('deleted'))
      .sort((a, b) => a.receivedAt - b.receivedAt || (a.id < b.id ? -1 : 1))
    if (visible.length === 0) return undefined
    const main = visible.findLast(({ folder }) => !NOT_MAIN.includes(folder))?.folder
    return { messages: visible, folder: main === undefined ? 'sent' : ROLES.includes(main) ? main : 'archive' }
  }

  #put(message: ModelMessage, folder: string): void {
    const uid = this.uidNext.get(folder) ?? 1
    this.uidNext.set(folder, uid + 1)
    this.messages.set(message.id, Object.assign(message, { folder, uid }))
  }
}
