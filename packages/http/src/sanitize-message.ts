/** Removes from the HTML of a message what shows nothing: scripts, forms, frames, and addresses of other schemes. */
import type { Job } from '@kabutar/core/ports/compute.ts'
import type { Attributes, IOptions, Tag } from 'sanitize-html'
import { withinOpenElements } from './open-elements.ts'

const TAGS = [
  ...['html', 'head', 'body', 'style', 'center', 'font', 'basefont', 'big', 'strike', 'tt', 'u', 's', 'map', 'area'],
  ...['address', 'article', 'aside', 'footer', 'header', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hgroup', 'main', 'nav'],
  ...['section', 'blockquote', 'dd', 'div', 'dl', 'dt', 'figcaption', 'figure', 'hr', 'li', 'ol', 'p', 'pre', 'ul'],
  ...['a', 'abbr', 'b', 'bdi', 'bdo', 'br', 'cite', 'code', 'data', 'dfn', 'em', 'i', 'img', 'kbd', 'mark', 'q', 'rb'],
  ...['rp', 'rt', 'rtc', 'ruby', 'samp', 'small', 'span', 'strong', 'sub', 'sup', 'time', 'var', 'wbr', 'del', 'ins'],
  ...['caption', 'col', 'colgroup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'details', 'summary'],
]
/** Elements whose content goes with them. */
const DROPPED = [
  ...['script', 'noscript', 'title', 'textarea', 'option', 'select', 'template', 'iframe', 'object', 'applet', 'embed'],
  ...['svg', 'math', 'xmp', 'noembed', 'noframes', 'plaintext', 'audio', 'video'],
]
const LOOKS = [
  ...[
    'class',
    'id',
    'style',
    'dir',
    'lang',
    'title',
    'role',
    'align',
    'valign',
    'width',
    'height',
    'bgcolor',
    'border',
  ],
  ...['cellpadding', 'cellspacing', 'colspan', 'rowspan', 'color', 'face', 'size', 'start', 'type', 'nowrap', 'hspace'],
  ...['vspace', 'aria-*', 'scope', 'text', 'link', 'vlink', 'alink', 'open', 'datetime'],
]

const IMAGE = /^(cid:|data:image\/(?!svg))/i
const REMOTE_IMAGE = /^(https?:)?\/\//i

/** The image without an address that may not be asked for. */
function image(images: boolean, attribs: Attributes): Tag {
  const { src = '', background: _, ...rest } = attribs
  const shown = IMAGE.test(src) || (images && REMOTE_IMAGE.test(src))
  return { tagName: 'img', attribs: shown ? { ...rest, src } : rest }
}

/** Links open outside of the frame, and tell the other site nothing. */
const link = (tagName: string, attribs: Attributes): Tag => ({
  tagName,
  attribs: { ...attribs, target: '_blank', rel: 'noopener noreferrer' },
})

const optionsOf = (images: boolean): IOptions => ({
  allowedTags: TAGS,
  nonTextTags: DROPPED,
  // The policy of the document lets no style sheet load anything: `style` stays for the look of the message.
  allowVulnerableTags: true,
  parseStyleAttributes: false,
  allowedAttributes: {
    '*': LOOKS,
    a: ['href', 'name', 'target', 'rel'],
    area: ['href', 'shape', 'coords', 'alt', 'target', 'rel'],
    img: ['src', 'alt', 'usemap'],
    map: ['name'],
    ...(images && Object.fromEntries(['body', 'table', 'td', 'th', 'tr'].map((tag) => [tag, ['background']]))),
  },
  allowedSchemes: ['http', 'https', 'mailto', 'tel'],
  allowedSchemesByTag: { img: ['http', 'https', 'cid', 'data'] },
  allowedSchemesAppliedToAttributes: ['href', 'src', 'background'],
  transformTags: { a: link, area: link, img: (_, attribs) => image(images, attribs) },
})

/** Loads the sanitiser, which only a process that shows messages needs. */
export async function loadSanitizer() {
  const { default: sanitize } = await import('sanitize-html')
  return (html: string, images: boolean): string => sanitize(html, optionsOf(images))
}

/** 64 KB take some ten milliseconds. */
export const SANITIZE_MESSAGE: Job<{ readonly html: string; readonly images: boolean }, string> = {
  name: 'sanitize-message',
  largeBytes: 64 * 1024,
  run: async ({ html, images }) => (await loadSanitizer())(withinOpenElements(html), images),
}
