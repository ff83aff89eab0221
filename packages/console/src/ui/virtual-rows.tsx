/** Renders a long list of which only the rows near the view are in the document. All rows have one height, so places are a product. */
import type { ComponentChildren, RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'

export const ROW_HEIGHT = 44
const OVERSCAN = 12

/** `end` is not in it. */
export type Span = { readonly start: number; readonly end: number }

/** Finds the rows to render for a scrolled element of `height` whose content is moved up by `top`. */
export function spanAt(top: number, height: number, count: number): Span {
  const end = Math.min(count, Math.ceil((top + height) / ROW_HEIGHT) + OVERSCAN)
  return { start: Math.max(0, Math.min(end, Math.floor(top / ROW_HEIGHT) - OVERSCAN)), end }
}

/** Follows the scrolling and the size of an element. Renders again only when other rows are needed. */
export function useSpan(scroller: RefObject<HTMLElement | null>, count: number): Span {
  const [span, setSpan] = useState<Span>({ start: 0, end: 0 })
  useLayoutEffect(() => {
    const element = scroller.current
    if (!element) return
    const follow = () => {
      const now = spanAt(element.scrollTop, element.clientHeight, count)
      setSpan((before) => (before.start === now.start && before.end === now.end ? before : now))
    }
    const sized = new ResizeObserver(follow)
    sized.observe(element)
    element.addEventListener('scroll', follow, { passive: true })
    follow()
    return () => {
      sized.disconnect()
      element.removeEventListener('scroll', follow)
    }
  }, [scroller, count])
  return span
}

/** Scrolls as little as shows the row whole. */
export function scrollToRow(element: HTMLElement, index: number): void {
  const top = index * ROW_HEIGHT
  if (top < element.scrollTop) element.scrollTop = top
  else element.scrollTop = Math.max(element.scrollTop, top + ROW_HEIGHT - element.clientHeight)
}

type Props = {
  readonly span: Span
  readonly count: number
  readonly keyAt: (index: number) => string
  readonly children: (index: number) => ComponentChildren
}

/** Places the rows of `span` in an element as high as all of them. */
export function VirtualRows({ span, count, keyAt, children }: Props) {
  const indexes = Array.from({ length: Math.max(0, Math.min(count, span.end) - span.start) }, (_, i) => span.start + i)
  return (
    <div class="virtual" role="presentation" style={{ height: `${count * ROW_HEIGHT}px` }}>
      {indexes.map((index) => (
        <div
          class="virtual-row"
          role="presentation"
          key={keyAt(index)}
          style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}
        >
          {children(index)}
        </div>
      ))}
    </div>
  )
}
