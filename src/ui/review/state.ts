/** What this terminal alone knows of the review screen. */
export interface ReviewUi {
  /** Selected pair, first visible row of the table, first visible line of the texts, texts enlarged. */
  selected: number;
  top: number;
  textTop: number;
  zoomed: boolean;
}

export const reviewUi: ReviewUi = { selected: 0, top: 0, textTop: 0, zoomed: false };
