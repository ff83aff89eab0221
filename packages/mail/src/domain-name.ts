import { domainToASCII } from 'node:url'

/** 255 octets on the wire (RFC 1035 section 3.1) are 253 characters. */
const MAX_NAME_LENGTH = 253
const ASCII_NAME = /^[a-z0-9_.-]+$/
/** `domainToASCII` parses the host of a URL, so it would cut the text at `/`, `?` or `#`, and drop tabs. */
const NO_NAME = /[^A-Za-z0-9_.\-\u0080-\u{10ffff}]/u
/** Underscores are not in host names (RFC 1123 section 2.1), but are used in the names of mail domains. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * Reads a domain name of at least two labels; undefined if `text` is not one. Returns it in lower case, other scripts in
 * punycode, which is how names are stored and compared. The last label is not a number, so an IPv4 address is not a name.
 */
export function domainName(text: string): string | undefined {
  const name = hostName(text)
  return name?.includes('.') ? name : undefined
}

/** Reads a name that may also be a single label, such as `localhost`; otherwise as `domainName`. */
export function hostName(text: string): string | undefined {
  if (NO_NAME.test(text)) return undefined
  const name = ASCII_NAME.test(text) && !text.includes('xn--') ? text : domainToASCII(text)
  if (name.length > MAX_NAME_LENGTH) return undefined
  const labels = name.split('.')
  return labels.every(isLabel) && !/^\d+$/.test(labels.at(-1) ?? '') ? name : undefined
}

/** Tells whether `text`, in lower case, is one label of a name. */
export function isLabel(text: string): boolean {
  return LABEL.test(text)
}
