/** The chapter "answer". */
export default {
};
