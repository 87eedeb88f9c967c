/** The chapter "attention". */
export default {
  attention_features: "features",
  attention_asks: "query: {token}",
  attention_asked: "key: {token}",
  attention_patch: "patch {patch}",

  norm_before: "The token as it comes",
  norm_scaled: "Brought to mean 0, spread 1",
  norm_after: "Times γ, plus β",
  norm_moments: "mean μ = {mean}, spread σ = {spread}",
  norm_formula:
    "Feature {feature}, the thick line: ({x} − {mean}) / {spread} × {gamma} {sign} {beta} = {y}",

  step8b_title: "Normalise every token",
  step8b_text:
    "Before attention, the values of each token are brought to mean 0 and spread 1. Then a learned γ and a learned β stretch and shift every feature. What counts is now a token's pattern, not how loud it is.",
  step8b_token: "Layer norm of one token: {token}",
  step8b_all: "All tokens",
  step8b_before: "X, as it comes",
  step8b_after: "LN(X), normalised",

  step9_title: "Query, key and value",
  step9_text:
    "Each token is mapped three times, by three learned matrices. Its query says what it looks for, its key what it can be found by, its value what it hands on. Every head does this in a small space of its own.",
  step9_query: "Query",
  step9_key: "Key",
  step9_value: "Value",
  step9_query_means: "what a token looks for",
  step9_key_means: "what it can be found by",
  step9_value_means: "what it hands on",
  step9_cell: "One number: {kind}, {token}, feature {unit}",

  step10_title: "Every query meets every key",
  step10_text:
    "A score is the dot product of one token's query with another's key, divided by the root of their length. It is high where one offers what the other looks for. Point at any pair: each row is a query, each column a key.",
  step10_scores: "Scores S: a row for each query, a column for each key",
  step10_products: "q · k",
  step10_sum: "{sum} / √{root} = {score}",
  step10_terms: "The dot product, term by term",

  step11_title: "Softmax: scores become shares",
  step11_text:
    "In each row, e is raised to every score, and the results are divided by their sum. The row is then positive and sums to 1: this is how a token divides its attention. A small lead in score becomes a large one in share.",
  step11_row: "Whose row of attention is shown",
  step11_mine: "Your patch",
  step11_attention: "Attention A",
  step11_sum: "the sum of this row, added up here",
  step11_painted: "Where it looks: {token}",
  step11_class: "{share} of this row goes to the class token, which has no place in the picture.",
  step11_prefix:
    "{share} of this row goes to the class token and the registers, which have no place in the picture.",
  step11_others: "{share} of this row goes to tokens that have no place in the picture: {others}.",
  step11_before: "Before: scores",
  step11_after: "After: shares",
  step11_softmax: "softmax",

  step12_title: "What the class token collects",
  step12_title_none: "What your patch collects",
  step12_text:
    "The first row of attention belongs to the class token. Its new content is the sum of all values, each weighted by its share. A patch gives much if its share is large and its value is long.",
  step12_text_none:
    "This model has no class token, whose row would come first and decide, so here is the row of your patch. Its new content is the sum of all values, each weighted by its share. A patch gives much if its share is large and its value is long.",
  step12_class_mean:
    "This model reads out the class token and, beside it, the mean of the patches. What the class token collects here is one half of the story.",
  step12_class_distillation:
    "This model reads out two tokens, the class token and the distillation token. Here is what the class token collects; the distillation token collects in the same way, by a row of its own.",
  step12_mean:
    "This model reads out the mean of the patches, not the class token. Here the class token is one token among others: what it collects reaches the answer only through patches that look at it in a later layer.",
  step12_painted: "Share × length of value, painted on the picture",
  step12_ranking: "Who gives most: share × length of value",
  step12_context: "The weighted sum O[{token}], and its feature {feature} term by term",

  step13_title: "The same for all tokens",
  step13_text:
    "Every token sums the values by its own row of attention. As matrices this is one product: O = A V. Choose a cell of O to see the row of A and the column of V that make it.",
  step13_how: "a row of A × a column of V = one cell of O",
  step13_A: "A: a row of shares for each token",
  step13_V: "V: the values",
  step13_O: "O: what every token leaves with",
  step13_row: "One number of O: {token}, feature {feature}",

  step14_title: "Many heads, many ways of looking",
  step14_text:
    "Each layer does all this in several heads at once, with different queries, keys and values. The wall shows your picture through every head of every layer. Choose one, and all steps follow it.",
  step14_class:
    "Each tile is the class token's attention to the patches. Yellow is the tile's own strongest patch.",
  step14_mean:
    "This model reads out the mean of the patches, so each tile is the mean of the patches' rows of attention. Yellow is the tile's own strongest patch.",
  step14_class_mean:
    "This model reads out the class token and the mean of the patches side by side, so each tile is the mean of the class token's row of attention and the patches' average row. Yellow is the tile's own strongest patch.",
  step14_class_distillation:
    "This model reads out the class token and the distillation token side by side, so each tile is the mean of their two rows of attention. Yellow is the tile's own strongest patch.",
  step14_rest_none: "there are no other tokens",
  step14_rest_others: "the rest goes to other tokens: {others}",
  step14_rest_class: "the class token takes the rest",
  step14_rest_prefix: "class token and registers take the rest",
  step14_wall: "Layer and head",
  step14_head: "Layer {layer}, head {head}",
  step14_seen:
    "Strongest: {patch}, {most}. Your patch: {mine}. All patches together: {all}; {rest}.",

  step15_title: "Join the heads, map back",
  step15_text:
    "The results of the heads are laid side by side, and a token is as wide again as it was. A last learned matrix Wo mixes them: every feature of z takes something from every head.",
  step15_mine: "Your patch: the heads side by side",
  step15_concat: "concat: the heads side by side",
  step15_z: "z: after Wo",
  step15_total: "Together {total}: the number in z.",
  step15_place: "head {head}, feature {feature}",
  step15_cell: "What each head adds to one number of z: {token}, feature {feature}",
  step15_sum: "Sum over the heads",
  step15_head: "Head {head}",
  step15_bias: "Bias",

  step16_title: "The same size as the input",
  step16_text:
    "As many tokens come out as went in, and each is just as wide. Only their content is new. So the output can be added to the input, and layers can be stacked.",
  step16_way: "The shapes on the way from X to z",
  step16_same: "X is {x}, z is {z}: the same size",
  step16_X: "X went in",
  step16_z: "z comes out",
  step16_aligned: "At the end of each strip: its feature {feature}.",
  step16_row: "One token before and after: {token}",
  step16_layer_scale:
    "This model multiplies every feature of z by a learned factor (LayerScale) before z is added to the input.",

  shape_tokens: "tokens that enter the layer",
  shape_norm1: "tokens, normalised",
  shape_query: "queries",
  shape_key: "keys",
  shape_value: "values",
  shape_scores: "scores: query × key",
  shape_attention: "attention: query × key",
  shape_attention_row: "the class token's attention",
  shape_attention_row_patch: "your patch's attention",
  shape_context_row_patch: "your patch's context",
  shape_context: "context: a mix of values for each token",
  shape_context_row: "the class token's context",
  shape_contexts: "context of every head",
  shape_wall: "layers × heads × patches",
  shape_merged: "heads side by side",
  shape_proj_weight: "output matrix",
  shape_projection: "output of attention",
};
