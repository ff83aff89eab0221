/**
 * The JSON of a content as it is stored: plain, deflated, or as a Zstandard frame (RFC 8878) against a dictionary that the
 * content names. Against one, Zstandard is smaller and faster than deflate by a third, since a run of any length is one
 * match; without, a little larger.
 */
import { promisify } from 'node:util'
import { constants, deflateRaw, deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { MailError } from '../errors.ts'
import type { Log } from '../ports/log.ts'
import type { Table } from '../ports/table.ts'
import {
  type Dictionary,
  type DictionaryPorts,
  dictionaryFor,
  learn,
  MAX_UNPACKED,
  readDictionary,
  type Unpacked,
} from './dictionaries.ts'

export type PackPorts = DictionaryPorts & { readonly log: Log }
/** `dictionary`: the name of the one that it was packed against. */
export type Packed = { readonly bytes: Buffer; readonly dictionary?: string }

const SYNC_BYTES = 64 * 1024
/** A dictionary that packs so well needs no better one: to a sixteenth, or into what a message's row has room for. */
const GOOD_RATIO = 16
const GOOD_BYTES = 400
/** A new dictionary costs some write units itself. */
const WORTH_BYTES = 1024
/** Level 9 takes no longer than 3 where nearly all is in the dictionary. */
const ZSTD = { [constants.ZSTD_c_compressionLevel]: 9, [constants.ZSTD_c_windowLog]: 17 }

const deflate = promisify(deflateRaw)

/** `ports`: only where space is worth two reads a process. A dictionary that is named is durable when it resolves. */
export async function pack(mail: Unpacked, ports?: PackPorts): Promise<Packed> {
  const json = Buffer.from(mail.json)
  if (ports === undefined || json.byteLength > MAX_UNPACKED) return { bytes: await deflated(json) }
  const known = await saving(ports, () => dictionaryFor(ports, mail))
  const best = known && against(json, known)
  if (best !== undefined && best.bytes.byteLength <= Math.max(GOOD_BYTES, json.byteLength / GOOD_RATIO)) return best
  const plain = { bytes: await deflated(json) }
  const least = best === undefined || plain.bytes.byteLength < best.bytes.byteLength ? plain : best
  const pays = (bytes: Buffer) => zstd(json, bytes).byteLength + WORTH_BYTES <= least.bytes.byteLength
  const made = await saving(ports, () => learn(ports, mail, pays))
  return made === undefined ? least : against(json, made)
}

/** Space is no reason to refuse a mail. */
async function saving<T>({ log }: PackPorts, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    log.warn('a mail is packed without a dictionary', { error: error as Error })
    return undefined
  }
}

const zstd = (json: Buffer, dictionary: Buffer) => zstdCompressSync(json, { dictionary, params: ZSTD })

const against = (json: Buffer, { name, bytes }: Dictionary): Packed => ({ bytes: zstd(json, bytes), dictionary: name })

async function deflated(json: Buffer): Promise<Buffer> {
  return json.byteLength > SYNC_BYTES ? deflate(json) : deflateRawSync(json, deflating(json.byteLength))
}

/** A small window and state cost a third of the CPU and lose nothing on a small body. */
const deflating = (bytes: number) => (bytes <= 4096 ? { level: 3, windowBits: 12, memLevel: 5 } : {})

/** @throws {MailError} `unavailable` if the dictionary is not to be read */
export async function unpack(
  table: Table,
  accountId: string,
  { bytes, dictionary: name }: Packed,
  maxOutputLength: number,
): Promise<string> {
  if (name === undefined) return inflateRawSync(bytes, { maxOutputLength }).toString()
  const dictionary = await readDictionary(table, accountId, name)
  if (dictionary === undefined) throw new MailError('unavailable', 'The content of the message cannot be read now.')
  return zstdDecompressSync(bytes, { dictionary, maxOutputLength }).toString()
}
