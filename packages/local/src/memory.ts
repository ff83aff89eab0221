import { getHeapStatistics } from 'node:v8'

/**
 * Bytes of memory for large work where no setting says it: half of what the heap may grow to. The other half is for small
 * work, for what the garbage collector has not yet found, and for buffers outside of the heap.
 */
export const defaultMemoryBytes = (): number => Math.floor(getHeapStatistics().heap_size_limit / 2)
