import { describe, expect, it } from 'vitest';
import { findTemplate, listTemplates, searchTemplates } from './templates.js';

const namesOf = (words: string) => searchTemplates(words).map(({ name }) => name);

describe('the catalogue', () => {
  it('lists each template once, sorted by name', () => {
    const names = listTemplates().map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    expect(listTemplates()).toBe(listTemplates());
  });

  it('finds a template by its name or an alias', () => {
    expect(findTemplate('google')?.displayName).toBe('Google');
    expect(findTemplate('gmail')?.name).toBe('google');
    expect(findTemplate('no-such-provider')).toBeNull();
    expect(findTemplate('')).toBeNull();
  });

  it('searches the beginnings of words in any letter case', () => {
    expect(namesOf('GOOG')[0]).toBe('google');
    expect(namesOf('gmail')).toEqual(['google']);
    expect(namesOf('git developer')).toEqual(expect.arrayContaining(['github', 'github-app', 'gitlab']));
    expect(namesOf('developer git')).toEqual(namesOf('git developer'));
    expect(namesOf('microsoft')[0]).toBe('microsoft');
    expect(namesOf('oogle')).toEqual([]);
    expect(namesOf('google cheese')).toEqual([]);
    expect(namesOf(' ')).toHaveLength(listTemplates().length);
  });
});
