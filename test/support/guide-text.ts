/** The commands of a guide with the output it shows for them. `…` in an output stands for what differs each time. */
import { expect } from 'vitest';

export interface GuideStep {
  readonly command: string;
  /** Null where the guide shows no output. */
  readonly shown: ShownOutput | null;
}

interface ShownOutput {
  readonly language: 'json' | 'text';
  readonly text: string;
}

const blocks = /^#+ .*$|^```(\w*)\n([\s\S]*?)^```$/gm;

/** A block of output belongs to the commands before it, under the same heading. */
export function readSteps(guide: string): readonly GuideStep[] {
  const steps: GuideStep[] = [];
  let isUnderHeading = false;
  for (const [, language, text = ''] of guide.matchAll(blocks)) {
    const last = steps.at(-1);
    if (language === undefined) isUnderHeading = false;
    else if (language === 'sh') {
      steps.push({ command: text, shown: null });
      isUnderHeading = true;
    } else if ((language === 'json' || language === 'text') && isUnderHeading && last !== undefined) {
      if (last.shown !== null) throw new Error(`two outputs are shown for one block:\n${last.command}`);
      steps.splice(-1, 1, { ...last, shown: { language, text } });
    }
  }
  return steps;
}

export function expectShown(printed: string, { language, text }: ShownOutput): void {
  if (language === 'text') expect(printed.trim()).toEqual(describeText(text.trim()));
  else expect(JSON.parse(printed)).toEqual(describeValue(JSON.parse(text)));
}

function describeText(text: string): unknown {
  if (!text.includes('…')) return text;
  const parts = text.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return expect.stringMatching(new RegExp(`^${parts.join('.+')}$`, 's'));
}

/** A member named `…` stands for further ones. */
function describeValue(shown: unknown, ofMember = ''): unknown {
  if (typeof shown === 'string') return describeText(shown);
  // Unix seconds and lifetimes.
  if (typeof shown === 'number' && /^(exp|iat|expires_\w+)$/.test(ofMember)) return expect.any(Number);
  if (Array.isArray(shown)) return shown.map((item) => describeValue(item));
  if (typeof shown !== 'object' || shown === null) return shown;
  const { '…': more, ...members } = Object.fromEntries(
    Object.entries(shown).map(([name, value]) => [name, describeValue(value, name)]),
  );
  return more === undefined ? members : expect.objectContaining(members);
}

/** The block of a language under a heading. */
export function readBlock(guide: string, heading: string, language: string): string {
  const section = guide.slice(guide.indexOf(`\n## ${heading}\n`) + 1);
  const block = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(section)?.[1];
  if (block === undefined) throw new Error(`the guide shows no ${language} under ${heading}`);
  return block;
}
