/** The clipboard, which browsers give to secure pages only. */

/** Whether this page may write to the clipboard. */
export const hasClipboard = (navigator.clipboard as Clipboard | undefined) !== undefined;

/** Copies; false where the browser refuses. */
export async function copy(text: string): Promise<boolean> {
  if (!hasClipboard) return false;
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  );
}
