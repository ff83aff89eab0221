/**
 * Classifies the addresses that a URL from outside may lead to. Public ones are always allowed, private ones if the
 * settings say so, the rest never: link-local with the clouds' metadata services, multicast, unspecified. IPv6 is an
 * allow list (only 2000::/3 is global, RFC 4291 section 2.4), so that ranges assigned later are refused.
 */
import { BlockList, isIP } from 'node:net'

export type AddressClass = 'public' | 'private' | 'forbidden'

/** RFC 1918, RFC 1122 section 3.2.1.3 (loopback), RFC 6598 (shared), RFC 4193 (unique local). */
const PRIVATE = blockList(
  ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '100.64.0.0/10'],
  ['::1/128', 'fc00::/7'],
)

/** RFC 6890 and its registries, and the metadata addresses that lie outside link-local. */
const FORBIDDEN = blockList(
  [
    '0.0.0.0/8',
    '169.254.0.0/16',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
    '100.100.100.200/32', // metadata of Alibaba Cloud
    '168.63.129.16/32', // host agent of Azure, in a public range
  ],
  [
    '2001::/23', // protocol assignments: Teredo, ORCHID, benchmarks
    '2001:db8::/32',
    '2002::/16', // 6to4 (RFC 7526): an IPv4 address in disguise
    '3fff::/20',
    'fd00:ec2::/32', // metadata of AWS
    'fd20:ce::/32', // metadata of Google Cloud
  ],
)

const GLOBAL = blockList([], ['2000::/3'])
const MAPPED = blockList([], ['::ffff:0:0/96'])
const NAT64 = blockList([], ['64:ff9b::/96'])

function blockList(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of v4) list.addSubnet(range.split('/')[0]!, Number(range.split('/')[1]), 'ipv4')
  for (const range of v6) list.addSubnet(range.split('/')[0]!, Number(range.split('/')[1]), 'ipv6')
  return list
}

/**
 * Forbids anything that is not an address or has a zone. Mapped and NAT64 (RFC 6052) addresses are classified by the
 * IPv4 address that they embed.
 */
export function addressClass(address: string): AddressClass {
  if (address.includes('%')) return 'forbidden'
  const family = isIP(address)
  if (family === 4) return classOf(address, 'ipv4')
  if (family !== 6) return 'forbidden'
  if (MAPPED.check(address, 'ipv6') || NAT64.check(address, 'ipv6')) return classOf(embedded(address), 'ipv4')
  return classOf(address, 'ipv6')
}

function classOf(address: string, family: 'ipv4' | 'ipv6'): AddressClass {
  if (FORBIDDEN.check(address, family)) return 'forbidden'
  if (PRIVATE.check(address, family)) return 'private'
  return family === 'ipv4' || GLOBAL.check(address, family) ? 'public' : 'forbidden'
}

/** Reads the last 32 bits. The URL parser writes them as two groups in hex, or leaves them out if they are zero. */
function embedded(address: string): string {
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':')
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

export function mayConnect(address: string, allowPrivate: boolean): boolean {
  const found = addressClass(address)
  return found === 'public' || (found === 'private' && allowPrivate)
}

/** The block of addresses that one owner usually has: an IPv4 /24 or an IPv6 /64. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return `${address.split('.').slice(0, 3).join('.')}.0/24`
  const [head = '', tail = ''] = address.toLowerCase().split('%')[0]!.split('::')
  const start = head === '' ? [] : head.split(':')
  const end = tail === '' ? [] : tail.split(':')
  const zeros = address.includes('::') ? Array<string>(Math.max(0, 8 - start.length - end.length)).fill('0') : []
  return `${[...start, ...zeros, ...end].slice(0, 4).join(':')}::/64`
}

/** Answers the range that one client has for itself: an IPv4 address, also where a dual-stack socket shows it as `::ffff:…`, or an IPv6 /64. */
export function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(plain) === 6 ? networkOf(plain) : plain
}
