/**
 * Why a text may not be shown to a person as a name; null when it may. Direction controls and characters that show
 * nothing would let one name look like another.
 */
export function findDisplayProblem(text: string, maxLength: number): string | null {
  if (text.length > maxLength * 2) return `must be 1 to ${maxLength} characters`;
  const length = [...text].length;
  if (length < 1 || length > maxLength) return `must be 1 to ${maxLength} characters`;
  const isPrintable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(text);
  if (!isPrintable || /[\p{Default_Ignorable_Code_Point}\u2800]/u.test(text)) {
    return 'may hold only printable characters';
  }
  if (text.startsWith(' ') || text.endsWith(' ')) return 'may not begin or end with a space';
  return /^\p{M}/u.test(text) ? 'may not begin with a combining mark' : null;
}

/** Why a longer text, which may have several lines, may not be shown; null when it may. */
export function findProseProblem(text: string, maxLength: number): string | null {
  if (text.length > maxLength) return `must be at most ${maxLength} characters`;
  const isProse = /^[\p{L}\p{M}\p{N}\p{P}\p{S} \n]*$/u.test(text);
  return isProse ? null : 'may hold only printable characters and line breaks';
}
