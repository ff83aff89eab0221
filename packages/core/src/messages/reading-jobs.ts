/** The parts of the reading of a message that take long if they are large, as jobs. */
import { htmlToText } from '@kabutar/mail/html-to-text.ts'
import { indexMessage } from '@kabutar/mail/mime/indexer.ts'
import type { MessageIndex } from '@kabutar/mail/mime/part.ts'
import { type LeafHead, type LeafReading, readLeaf } from '@kabutar/mail/read/leaf.ts'
import type { ReadingSteps } from '@kabutar/mail/read/message.ts'
import { type Compute, type Job, unlessTooHard } from '../ports/compute.ts'

/** 1 MB takes a few milliseconds. */
export const INDEX_MESSAGE: Job<Uint8Array, MessageIndex> = {
  name: 'index-message',
  largeBytes: 1024 * 1024,
  run: (raw) => indexMessage(raw),
}

type LeafInput = { readonly head: LeafHead; readonly bytes: Uint8Array }
/** Decoding 256 KB of a header may take 0.1 s. */
export const READ_LEAF: Job<LeafInput, LeafReading<LeafHead> | undefined> = {
  name: 'read-leaf',
  largeBytes: 64 * 1024,
  run: ({ head, bytes }) => readLeaf(head, bytes),
}
export const HTML_TO_TEXT: Job<string, string> = {
  name: 'html-to-text',
  largeBytes: 256 * 1024,
  run: (html) => htmlToText(html),
}

/**
 * The steps for one message. Its pieces count together, because a thousand names take as long as one long text. A piece that
 * takes too long, or too much memory, counts as one that can't be decoded.
 */
export function readingSteps(compute: Compute): ReadingSteps {
  let sofar = 0
  const upTo = (bytes: number) => {
    sofar += bytes
    return sofar
  }
  return {
    leaf: <Head extends LeafHead>(head: Head, bytes: Uint8Array) =>
      unlessTooHard(
        compute.run(READ_LEAF, { head, bytes }, upTo(bytes.byteLength + JSON.stringify(head).length)),
      ) as Promise<LeafReading<Head> | undefined>,
    toText: (html) => unlessTooHard(compute.run(HTML_TO_TEXT, html, upTo(html.length))),
  }
}
