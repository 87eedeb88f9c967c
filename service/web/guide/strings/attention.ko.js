/** The chapter "attention". */
export default {
  attention_features: "특징",
  attention_asks: "쿼리: {token}",
  attention_asked: "키: {token}",
  attention_patch: "패치 {patch}",

  norm_before: "들어온 그대로의 토큰",
  norm_scaled: "평균 0, 표준편차 1로 맞춘 뒤",
  norm_after: "γ를 곱하고 β를 더한 뒤",
  norm_moments: "평균 μ = {mean}, 표준편차 σ = {spread}",
  norm_formula: "특징 {feature}(굵은 선): ({x} − {mean}) / {spread} × {gamma} {sign} {beta} = {y}",

  step8b_title: "토큰마다 정규화합니다",
  step8b_text:
    "어텐션에 들어가기 전에 토큰마다 값들의 평균을 0, 표준편차를 1로 맞춥니다. 그다음 학습된 γ와 β로 특징마다 늘리고 옮깁니다. 이제 중요한 것은 토큰의 크기가 아니라 패턴입니다.",
  step8b_token: "토큰 하나의 레이어 정규화: {token}",
  step8b_all: "모든 토큰",
  step8b_before: "X, 들어온 그대로",
  step8b_after: "LN(X), 정규화한 뒤",

  step9_title: "쿼리, 키, 밸류",
  step9_text:
    "학습된 세 행렬이 토큰 하나를 세 벡터로 바꿉니다. 쿼리는 무엇을 찾는지, 키는 무엇으로 찾아지는지, 밸류는 무엇을 건네주는지를 나타냅니다. 헤드마다 자기만의 작은 공간에서 이 일을 합니다.",
  step9_query: "쿼리",
  step9_key: "키",
  step9_value: "밸류",
  step9_query_means: "토큰이 찾는 것",
  step9_key_means: "토큰을 찾게 해 주는 것",
  step9_value_means: "토큰이 건네주는 것",
  step9_cell: "숫자 하나: {token}의 {kind}, 특징 {unit}",

  step10_title: "모든 쿼리가 모든 키를 만납니다",
  step10_text:
    "스코어는 한 토큰의 쿼리와 다른 토큰의 키를 내적하고, 벡터 길이(차원 수)의 제곱근으로 나눈 값입니다. 한쪽이 찾는 것을 다른 쪽이 가지고 있을수록 높습니다. 행은 쿼리, 열은 키이니 아무 쌍이나 짚어 보세요.",
  step10_scores: "어텐션 스코어 S: 행은 쿼리, 열은 키",
  step10_products: "q · k",
  step10_sum: "{sum} / √{root} = {score}",
  step10_terms: "내적을 항별로",

  step11_title: "소프트맥스: 스코어가 비율이 됩니다",
  step11_text:
    "행마다 스코어를 e의 지수로 올린 다음 그 합으로 나눕니다. 그러면 모든 값이 양수이고 한 행의 합은 1이 되어, 토큰이 자기 주의를 나누어 쓰는 비율이 됩니다. 스코어의 작은 차이가 비율에서는 크게 벌어집니다.",
  step11_row: "누구의 어텐션을 볼지",
  step11_mine: "내 패치",
  step11_attention: "어텐션 A",
  step11_sum: "이 행의 합, 여기서 다시 더한 값",
  step11_painted: "어디를 보는가: {token}",
  step11_class: "이 행의 {share}는 사진 속 자리가 없는 클래스 토큰으로 갑니다.",
  step11_prefix: "이 행의 {share}는 사진 속 자리가 없는 클래스 토큰과 레지스터로 갑니다.",
  step11_others: "이 행의 {share}는 사진 속 자리가 없는 토큰으로 갑니다: {others}.",
  step11_before: "이전: 스코어",
  step11_after: "이후: 비율",
  step11_softmax: "소프트맥스",

  step12_title: "클래스 토큰이 모으는 것",
  step12_title_none: "내 패치가 모으는 것",
  step12_text:
    "어텐션의 첫 행은 클래스 토큰의 것입니다. 클래스 토큰의 새 내용은 모든 밸류를 이 비율로 가중해 더한 값입니다. 비율이 크고 밸류 벡터도 긴 패치가 많이 기여합니다.",
  step12_text_none:
    "이 모델에는 첫 행이 되어 답을 정할 클래스 토큰이 없으므로 내 패치의 행을 봅니다. 새 내용은 모든 밸류를 이 비율로 가중해 더한 값입니다. 비율이 크고 밸류 벡터도 긴 패치가 많이 기여합니다.",
  step12_class_mean:
    "이 모델은 클래스 토큰과 패치들의 평균을 나란히 읽어 냅니다. 여기서 클래스 토큰이 모으는 것은 그 절반입니다.",
  step12_class_distillation:
    "이 모델은 클래스 토큰과 증류 토큰, 두 토큰을 읽어 냅니다. 여기에는 클래스 토큰이 모으는 것이 보입니다. 증류 토큰도 자기 행으로 똑같이 모읍니다.",
  step12_mean:
    "이 모델은 클래스 토큰이 아니라 패치들의 평균을 읽어 냅니다. 여기서 클래스 토큰은 여러 토큰 가운데 하나일 뿐이고, 모은 내용은 다음 층들에서 클래스 토큰을 보는 패치를 거쳐야만 답에 닿습니다.",
  step12_painted: "비율 × 밸류의 길이를 사진 위에 칠한 그림",
  step12_ranking: "가장 많이 주는 토큰: 비율 × 밸류의 길이",
  step12_context: "가중합 O[{token}]과 그 특징 {feature}의 항별 계산",

  step13_title: "모든 토큰이 똑같이 합니다",
  step13_text:
    "토큰마다 자기 어텐션 행으로 밸류를 더합니다. 행렬로 쓰면 곱셈 하나, O = A V입니다. O의 칸을 고르면 그 값을 만든 A의 행과 V의 열이 보입니다.",
  step13_how: "A의 한 행 × V의 한 열 = O의 한 칸",
  step13_A: "A: 토큰마다 비율 한 행",
  step13_V: "V: 밸류",
  step13_O: "O: 토큰마다 얻은 것",
  step13_row: "O의 숫자 하나: {token}, 특징 {feature}",

  step14_title: "여러 헤드, 여러 시선",
  step14_text:
    "층마다 여러 헤드가 서로 다른 쿼리, 키, 밸류로 이 일을 동시에 합니다. 아래 벽은 모든 층의 모든 헤드가 본 사진입니다. 하나를 고르면 다른 단계도 모두 그 헤드를 따라갑니다.",
  step14_class:
    "타일 하나는 클래스 토큰이 패치들에 준 어텐션입니다. 노란색은 그 타일 안에서 가장 강한 패치입니다.",
  step14_mean:
    "이 모델은 패치들의 평균을 읽어 내므로, 타일 하나는 패치들의 어텐션 행을 평균한 것입니다. 노란색은 그 타일 안에서 가장 강한 패치입니다.",
  step14_class_mean:
    "이 모델은 클래스 토큰과 패치들의 평균을 나란히 읽어 내므로, 타일 하나는 클래스 토큰의 어텐션 행과 패치들의 평균 행을 다시 평균한 것입니다. 노란색은 그 타일 안에서 가장 강한 패치입니다.",
  step14_class_distillation:
    "이 모델은 클래스 토큰과 증류 토큰을 나란히 읽어 내므로, 타일 하나는 두 어텐션 행의 평균입니다. 노란색은 그 타일 안에서 가장 강한 패치입니다.",
  step14_rest_none: "다른 토큰은 없습니다",
  step14_rest_others: "나머지는 다른 토큰의 몫입니다: {others}",
  step14_rest_class: "나머지는 클래스 토큰의 몫입니다",
  step14_rest_prefix: "나머지는 클래스 토큰과 레지스터의 몫입니다",
  step14_wall: "층과 헤드",
  step14_head: "층 {layer}, 헤드 {head}",
  step14_seen:
    "가장 강한 곳: {patch}, {most}. 내 패치: {mine}. 패치 전체: {all}. {rest}.",

  step15_title: "헤드를 잇고 되돌립니다",
  step15_text:
    "헤드들의 결과를 옆으로 이어 붙이면 토큰은 다시 원래 너비가 됩니다. 마지막으로 학습된 행렬 Wo가 이들을 섞습니다. z의 모든 특징에는 모든 헤드의 몫이 들어 있습니다.",
  step15_mine: "내 패치: 이어 붙인 헤드",
  step15_concat: "concat: 나란히 이은 헤드",
  step15_z: "z: Wo를 거친 뒤",
  step15_total: "모두 더하면 {total}, z에 있는 값입니다.",
  step15_place: "헤드 {head}, 특징 {feature}",
  step15_cell: "z의 숫자 하나에 헤드마다 더하는 값: {token}, 특징 {feature}",
  step15_sum: "헤드별 합",
  step15_head: "헤드 {head}",
  step15_bias: "편향",

  step16_title: "입력과 같은 크기",
  step16_text:
    "들어간 만큼의 토큰이 같은 너비로 나옵니다. 바뀐 것은 내용뿐입니다. 그래서 출력을 입력에 더할 수 있고, 층을 쌓을 수 있습니다.",
  step16_way: "X에서 z까지의 모양",
  step16_same: "X는 {x}, z는 {z}: 크기가 같습니다",
  step16_X: "들어간 X",
  step16_z: "나온 z",
  step16_aligned: "띠 끝의 숫자는 특징 {feature}의 값입니다.",
  step16_row: "토큰 하나의 이전과 이후: {token}",
  step16_layer_scale:
    "이 모델은 z를 입력에 더하기 전에 특징마다 학습된 계수를 곱합니다(LayerScale).",

  shape_tokens: "층에 들어오는 토큰",
  shape_norm1: "정규화된 토큰",
  shape_query: "쿼리",
  shape_key: "키",
  shape_value: "밸류",
  shape_scores: "스코어: 쿼리 × 키",
  shape_attention: "어텐션: 쿼리 × 키",
  shape_attention_row: "클래스 토큰의 어텐션",
  shape_attention_row_patch: "내 패치의 어텐션",
  shape_context_row_patch: "내 패치의 컨텍스트",
  shape_context: "컨텍스트: 토큰마다 섞인 밸류",
  shape_context_row: "클래스 토큰의 컨텍스트",
  shape_contexts: "모든 헤드의 컨텍스트",
  shape_wall: "층 × 헤드 × 패치",
  shape_merged: "나란히 이은 헤드",
  shape_proj_weight: "출력 행렬",
  shape_projection: "어텐션의 출력",
};
