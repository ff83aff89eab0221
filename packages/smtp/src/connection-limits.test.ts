import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectionLimits } from './connection-limits.ts'
import { DEFAULT_LIMITS } from './limits.ts'

const LIMITS = {
  ...DEFAULT_LIMITS,
  connections: 6,
  connectionsPerNetwork: 4,
  connectionsPerAddress: 2,
  minRestMs: 100,
}

type Peer = { readonly remoteAddress: string; readonly restingMs: number | undefined; close(): void; closed: boolean }

function peerOf(remoteAddress: string, restingMs?: number): Peer {
  return {
    remoteAddress,
    restingMs,
    closed: false,
    close() {
      this.closed = true
    },
  }
}

/** Admits the peers, which all fit, and then one more. Answers its refusal and the peers that were closed for it. */
function admitAfter(peers: readonly Peer[], newcomer: Peer) {
  const limits = new ConnectionLimits(LIMITS)
  for (const peer of peers) assert.equal(limits.admit(peer), undefined)
  const refusal = limits.admit(newcomer)
  return { refusal, gaveWay: peers.flatMap(({ closed }, n) => (closed ? [n] : [])), open: limits.size }
}

describe('connection limits', () => {
  const cases: readonly { name: string; peers: readonly Peer[]; from: string; expected: object }[] = [
    {
      name: 'one address has its share',
      peers: [peerOf('192.0.2.1'), peerOf('192.0.2.1', 99), peerOf('192.0.2.2', 500)],
      from: '192.0.2.1',
      expected: { refusal: 'Too many connections from your address', gaveWay: [], open: 3 },
    },
    {
      name: 'of a full address the peer that has rested longest gives way, nobody else',
      peers: [peerOf('192.0.2.1', 100), peerOf('192.0.2.1', 200), peerOf('192.0.2.2', 500)],
      from: '192.0.2.1',
      expected: { refusal: undefined, gaveWay: [1], open: 3 },
    },
    {
      name: 'one IPv4 /24 has its share',
      peers: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((address) => peerOf(address)),
      from: '192.0.2.5',
      expected: { refusal: 'Too many connections from your network', gaveWay: [], open: 4 },
    },
    {
      name: 'one IPv6 /64 has its share',
      peers: ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4'].map((address) => peerOf(address)),
      from: '2001:db8::5',
      expected: { refusal: 'Too many connections from your network', gaveWay: [], open: 4 },
    },
    {
      name: 'of a full network the peer that has rested longest gives way, nobody else',
      peers: [...[100, 300, 200, undefined].map((ms, n) => peerOf(`192.0.2.${n}`, ms)), peerOf('198.51.100.1', 900)],
      from: '192.0.2.5',
      expected: { refusal: undefined, gaveWay: [1], open: 5 },
    },
    {
      name: 'all together have a bound',
      peers: [0, 1, 2, 3, 4, 5].map((n) => peerOf(`192.0.${n}.1`, 99)),
      from: '198.51.100.1',
      expected: { refusal: 'Too many connections, try again later', gaveWay: [], open: 6 },
    },
    {
      name: 'of all, the peer that has rested longest gives way; of equals the oldest',
      peers: [100, 300, 300, undefined, 200, 100].map((ms, n) => peerOf(`192.0.${n}.1`, ms)),
      from: '198.51.100.1',
      expected: { refusal: undefined, gaveWay: [1], open: 6 },
    },
    {
      name: 'an address is counted apart from its neighbours',
      peers: [peerOf('192.0.2.1'), peerOf('192.0.2.1')],
      from: '192.0.2.10',
      expected: { refusal: undefined, gaveWay: [], open: 3 },
    },
  ]
  for (const { name, peers, from, expected } of cases) {
    test(name, () => {
      assert.deepEqual(admitAfter(peers, peerOf(from)), expected)
    })
  }

  test('a connection that has left, or gave way, makes room once', () => {
    const limits = new ConnectionLimits(LIMITS)
    const [first, second, third] = [peerOf('192.0.2.1', 200), peerOf('192.0.2.1'), peerOf('192.0.2.1')]
    for (const peer of [first, second, third]) assert.equal(limits.admit(peer), undefined)
    assert.deepEqual([first.closed, limits.size], [true, 2])
    limits.release(first)
    assert.equal(limits.size, 2)
    assert.equal(limits.admit(peerOf('192.0.2.1')), 'Too many connections from your address')
    limits.release(second)
    limits.release(second)
    assert.equal(limits.admit(peerOf('192.0.2.1')), undefined)
    assert.equal(limits.size, 2)
  })
})
