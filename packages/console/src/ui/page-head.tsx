import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from './icon.tsx'
import './page-head.css'

type Props = {
  readonly title: string
  /** The page that a detail was opened from. */
  readonly back?: { readonly href: string; readonly label: string }
  readonly mark?: ComponentChildren
  /** The buttons of what one can do here. */
  readonly children?: ComponentChildren
}

/** Heads a page. The head of a detail takes the focus if nothing else has it, so that a screen reader reads it. */
export function PageHead({ title, back, mark, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null)
  const detail = back !== undefined
  useEffect(() => {
    if (detail && document.activeElement === document.body) heading.current?.focus()
  }, [detail])
  return (
    <header class="page-head">
      <div class="page-title">
        {back && (
          <a class="button quiet small" href={back.href} aria-label={back.label} title={back.label}>
            <Icon name="back" />
          </a>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {mark}
      </div>
      {children && <div class="page-actions">{children}</div>}
    </header>
  )
}
