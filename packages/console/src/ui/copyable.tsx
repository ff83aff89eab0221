import { CopyButton } from './copy-button.tsx'

/** Shows a text to copy exactly, with a button that does. */
export function Copyable({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <span class="copyable">
      <code>{text}</code>
      <CopyButton text={text} label={label} />
    </span>
  )
}
