/** Says about the HTML of a message what its reader is told before it is shown. */
import type { Job } from '@kabutar/core/ports/compute.ts'
import { withinOpenElements } from './open-elements.ts'

const MOST_COUNTED = 1000
/** The blanks around a quote stand in one group: two runs side by side would take a time that grows with their square. */
const REMOTE = /(?:(?:src|background)\s*=|url\()\s*(?:["']\s*)?(?:https?:)?\/\//gi

type Scan = {
  /** Addresses on other servers that images come from, at most 1,000. */
  readonly remoteImages: number
  /** Characters that the sanitiser takes. */
  readonly shownLength: number
}

/** 64 KB take a few milliseconds. */
export const SCAN_HTML: Job<string, Scan> = {
  name: 'scan-html',
  largeBytes: 64 * 1024,
  run: (html) => ({ remoteImages: remoteImages(html), shownLength: withinOpenElements(html).length }),
}

function remoteImages(html: string): number {
  let count = 0
  for (const _ of html.matchAll(REMOTE)) if (++count === MOST_COUNTED) break
  return count
}
