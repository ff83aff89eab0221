/**
 * Rebuilds a folder as a disk leaves it when the power fails at a point of the log. By strict POSIX, content survives that was
 * written before an fsync of the file, and names that were changed before an fsync of the folder. Names are lost from the
 * last one on, as journals do; content is lost in any pieces.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { LogRecord } from './records.ts'

export type PowerLoss = {
  /** The records before this index happened. */
  readonly at: number
  /** Which syncs count. */
  readonly syncs: (record: { readonly path: string }, index: number) => boolean
  /** The share of unsynced data that survives. */
  readonly unsynced: number
  readonly random: () => number
}

type Change = { readonly at: number } & (
  | { readonly offset: number; readonly data: Buffer }
  | { readonly length: number }
)
type File = { readonly changes: Change[]; synced: number }
type Folder = {
  readonly changes: { readonly at: number; readonly name: string; readonly node: Node | undefined }[]
  synced: number
}
type Node = ({ readonly is: 'file' } & File) | ({ readonly is: 'folder' } & Folder)

/** Writes what is left of `root` to the empty folder `to`. */
export function restore(root: string, records: readonly LogRecord[], loss: PowerLoss, to: string): void {
  const happened = new Happened(root)
  for (let index = 0; index < loss.at; index++) happened.apply(records[index] as LogRecord, index, loss)
  writeFolder(happened.root, loss, to)
}

/** The folder as the processes saw it, with the safe part of each node. */
class Happened {
  readonly root: Node & Folder = { is: 'folder', changes: [], synced: 0 }
  readonly #nodes: Map<string, Node>
  readonly #syncs = new Map<number, { readonly node: Node; readonly at: number }>()

  constructor(root: string) {
    this.#nodes = new Map<string, Node>([[root, this.root]])
  }

  apply(record: LogRecord, at: number, loss: PowerLoss): void {
    if (record.kind === 'said') return
    const { path } = record
    if (record.kind === 'open') this.#open(path, record.truncated, at)
    if (record.kind === 'mkdir') this.#name(path, { is: 'folder', changes: [], synced: 0 }, at)
    if (record.kind === 'remove') this.#name(path, undefined, at)
    if (record.kind === 'rename' || record.kind === 'link') {
      this.#name(record.to, this.#nodes.get(path), at)
      if (record.kind === 'rename') this.#name(path, undefined, at)
    }
    const node = this.#nodes.get(path)
    if (node === undefined) return
    if (record.kind === 'sync begins') this.#syncs.set(record.sync, { node, at })
    if (record.kind === 'sync ended' && loss.syncs(record, at)) {
      const sync = this.#syncs.get(record.sync)
      if (sync) sync.node.synced = Math.max(sync.node.synced, sync.at)
    }
    if (node.is === 'folder') return
    if (record.kind === 'write') node.changes.push({ at, offset: record.offset, data: record.data })
    if (record.kind === 'truncate') node.changes.push({ at, length: record.length })
  }

  #open(path: string, truncated: boolean, at: number): void {
    const known = this.#nodes.get(path)
    if (known === undefined) this.#name(path, { is: 'file', changes: [], synced: 0 }, at)
    else if (truncated && known.is === 'file') known.changes.push({ at, length: 0 })
  }

  #name(path: string, node: Node | undefined, at: number): void {
    const folder = this.#nodes.get(dirname(path))
    if (folder?.is !== 'folder') throw new Error(`the log names ${path} in no known folder`)
    folder.changes.push({ at, name: basename(path), node })
    if (node === undefined) this.#nodes.delete(path)
    else this.#nodes.set(path, node)
  }
}

function writeFolder(folder: Folder, loss: PowerLoss, to: string): void {
  const names = new Map<string, Node>()
  for (const { at, name, node } of folder.changes) {
    if (at >= folder.synced && loss.random() >= loss.unsynced) break
    if (node === undefined) names.delete(name)
    else names.set(name, node)
  }
  for (const [name, node] of names) {
    const path = join(to, name)
    // SQLite's index of its log lies in shared memory, and SQLite rebuilds it from the log.
    if (name.endsWith('-shm')) continue
    if (node.is === 'file') {
      writeFileSync(path, contentOf(node, loss))
      continue
    }
    mkdirSync(path)
    writeFolder(node, loss, path)
  }
}

function contentOf(file: File, loss: PowerLoss): Buffer {
  const kept = file.changes.filter(({ at }) => at < file.synced || loss.random() < loss.unsynced)
  const ends = kept.map((change) => ('data' in change ? change.offset + change.data.length : change.length))
  const bytes = Buffer.alloc(ends.reduce((most, end) => Math.max(most, end), 0))
  let length = 0
  for (const change of kept) {
    if ('data' in change) {
      change.data.copy(bytes, change.offset)
      length = Math.max(length, change.offset + change.data.length)
    } else {
      if (change.length < length) bytes.fill(0, change.length, length)
      length = change.length
    }
  }
  return bytes.subarray(0, length)
}
