/** The chapter "attention". */
export default {
};
